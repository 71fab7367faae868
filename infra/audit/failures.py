"""What the dead letters and Firehose's error objects hold of a period."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from archive.dead_letters.claims import InvalidClaim, read_claim
from archive.dead_letters.documents import Documents
from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.stores import StoredObject, objects, stores
from archive.lake.layout import DEAD_LETTERS
from infra.audit.in_threads import in_threads
from infra.audit.sightings import Period, Place, Sighting, sighting_of
from infra.names import Names

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

READS_AT_ONCE: Final = 8
LINES_AT_ONCE: Final = 500  # an error object of Firehose has up to 128 MB, so it is never held whole
CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Failures:
    """Lines that were read from the stores of failures.

    Args:
        sightings: the events and other bytes in them.
        lost: dead letters that hold nothing but where the record was.
        unreadable: how many lines cannot be read.
    """

    sightings: list[Sighting]
    lost: list[FailedRecord]
    unreadable: int


def in_failure_stores(s3: "S3Client", names: Names, period: Period, retention: timedelta) -> Iterator[Failures]:
    """What the stores of failures hold of a period, some lines at a time, several objects read at once.

    Args:
        s3: the client.
        names: of the buckets.
        period: of acceptance; a failure may be later.
        retention: of the stream, by which a failure may be later than the acceptance.
    """
    until = period.end + retention
    claims = Documents(s3, names.dead_letter_bucket)
    for store in stores(names.dead_letter_bucket, names.lake_bucket, retention):
        listed = objects(s3, store, period.start, until)
        while part := list(islice(listed, 1_000)):
            yield from in_threads((partial(_in_object, s3, each, period, claims) for each in part), READS_AT_ONCE)


def _in_object(s3: "S3Client", stored: StoredObject, period: Period, claims: Documents) -> Iterator[Failures]:
    store = stored.store
    place: Place = "dead_letters" if store.name == DEAD_LETTERS else "firehose_errors"
    body: Any = s3.get_object(Bucket=store.bucket, Key=stored.key)["Body"]
    lines = enumerate(body.iter_lines(CHUNK_BYTES))
    while part := list(islice(lines, LINES_AT_ONCE)):
        sightings: list[Sighting] = []
        lost: list[FailedRecord] = []
        unreadable = 0
        for number, line in part:
            record = store.read(stored.key, number, line)
            data = _data_of(record, claims)
            if record.is_lost:
                lost.append(record)
            elif data is None:
                unreadable += 1
            elif (found := sighting_of(place, data, _arrival(record), period)) is not None:
                sightings.append(found)
        yield Failures(sightings, lost, unreadable)


def _data_of(record: FailedRecord, claims: Documents) -> bytes | None:
    if record.data is not None or record.data_ref is None:
        return record.data
    try:
        return read_claim(claims, record.data_ref)
    except InvalidClaim:
        return None


def _arrival(record: FailedRecord) -> int:
    try:
        return int(datetime.fromisoformat(record.arrived_at).timestamp() * 1_000_000)
    except ValueError:
        return int(record.failed_at.timestamp() * 1_000_000)
