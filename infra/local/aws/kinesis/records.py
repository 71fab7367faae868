"""Records on their way in and out: what a request may hold, and the answers, written straight as JSON."""

import binascii
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from infra.local.aws.full_disk import DiskFull
from infra.local.aws.kinesis.errors import Invalid, InvalidArgument, NotBase64, ThroughputExceeded
from infra.local.aws.kinesis.shard_map import Entry, Placement
from infra.local.aws.kinesis.shard_records import Record
from infra.local.aws.kinesis.stored_shards import HASH_KEYS

MAX_REQUEST_RECORDS = 500  # PutRecords
MAX_REQUEST_BYTES = 10 * 1024 * 1024  # PutRecords: 10 MiB with partition keys
MAX_PARTITION_KEY_CHARACTERS = 256
HASH_KEY = re.compile(r"0|[1-9]\d{0,38}", re.ASCII)


def decode_entry(request: Mapping[str, Any], *, max_record_bytes: int, member: str = "") -> Entry:
    """Check one record of a request, and take it out of its base64.

    Args:
        request: `Data`, `PartitionKey` and perhaps `ExplicitHashKey`.
        max_record_bytes: what data and partition key may come to.
        member: where in the request it stands, such as `records.3.member.`, for error messages.

    Raises:
        Invalid: a partition key, hash key or size that the service's model does not allow.
        InvalidArgument: an explicit hash key of 2^128 or more.
        NotBase64: the data cannot be decoded.
    """
    try:
        data = binascii.a2b_base64(request["Data"])
    except (binascii.Error, KeyError, TypeError) as error:
        key_of(request, member)  # reported first
        raise NotBase64 from error
    return entry_of(request, data, max_record_bytes=max_record_bytes, member=member)


def entry_of(request: Mapping[str, Any], data: bytes, *, max_record_bytes: int, member: str = "") -> Entry:
    """Check one record whose data are no longer in base64; arguments and errors as of `decode_entry`."""
    key = key_of(request, member)
    key_bytes = key.encode()
    size = len(data) + len(key_bytes)
    if size > max_record_bytes:
        raise Invalid(f"{member}data", f"have length less than or equal to {max_record_bytes}")
    explicit = request.get("ExplicitHashKey")
    if explicit is None:
        hash_key = int.from_bytes(hashlib.md5(key_bytes, usedforsecurity=False).digest())
    else:
        hash_key = parse_hash_key(explicit, f"{member}explicitHashKey")
        if hash_key >= HASH_KEYS:
            raise InvalidArgument(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                f"Specified value was {hash_key}"
            )
    return Entry(key, hash_key, data, size)


def key_of(request: Mapping[str, Any], member: str) -> str:
    """The partition key of a record.

    Raises:
        Invalid: the key is missing or too long.
    """
    key = request.get("PartitionKey")
    if not isinstance(key, str) or not key:
        raise Invalid(f"{member}partitionKey", "have length greater than or equal to 1")
    if len(key) > MAX_PARTITION_KEY_CHARACTERS:
        raise Invalid(f"{member}partitionKey", f"have length less than or equal to {MAX_PARTITION_KEY_CHARACTERS}")
    return key


def decode_entries(requests: Sequence[Mapping[str, Any]], *, max_record_bytes: int) -> list[Entry]:
    """Check the records of a PutRecords request; one that is invalid fails them all.

    Raises:
        Invalid: as for one record, or for over 500 records or none.
        InvalidArgument: as for one record, or for over 10 MiB in all.
    """
    return checked(
        requests,
        lambda request, member: decode_entry(request, max_record_bytes=max_record_bytes, member=member),
    )


def plain_entries(requests: Sequence[Mapping[str, Any]], *, max_record_bytes: int) -> list[Entry]:
    """As `decode_entries`, for records whose data are bytes."""
    return checked(
        requests,
        lambda request, member: entry_of(request, request["Data"], max_record_bytes=max_record_bytes, member=member),
    )


def checked(requests: Sequence[Mapping[str, Any]], entry: Callable[[Mapping[str, Any], str], Entry]) -> list[Entry]:
    """The entries of a PutRecords request, within the limits of all of them together."""
    if not requests:
        raise Invalid("records", "have length greater than or equal to 1")
    if len(requests) > MAX_REQUEST_RECORDS:
        raise Invalid("records", f"have length less than or equal to {MAX_REQUEST_RECORDS}")
    entries = [entry(request, f"records.{number}.member.") for number, request in enumerate(requests, start=1)]
    if sum(entry.size_bytes for entry in entries) > MAX_REQUEST_BYTES:
        raise InvalidArgument("Records size exceeds 10 MB limit")
    return entries


def parse_hash_key(text: str, member: str) -> int:
    """A hash key as it is written in requests: decimal, at most 39 digits.

    Raises:
        Invalid: it is not such a number.
    """
    if not HASH_KEY.fullmatch(text):
        raise Invalid(member, r"satisfy regular expression pattern: 0|([1-9]\d{0,38})")
    return int(text)


def put_answer(placements: Iterable[Placement], label: str) -> dict[str, Any]:
    """The answer to PutRecords, in which some records may have failed."""
    failed = 0
    results = []
    for placement in placements:
        if placement.sequence_number is None:
            failed += 1
            message = ThroughputExceeded.text(placement.shard_id, label)
            results.append({"ErrorCode": ThroughputExceeded.TYPE, "ErrorMessage": message})
        else:
            results.append({"SequenceNumber": str(placement.sequence_number), "ShardId": placement.shard_id})
    return {"FailedRecordCount": failed, "Records": results}


def full_disk_answer(count: int) -> dict[str, Any]:
    """The answer to PutRecords where the disk is full: each record failed, and nobody need doubt that."""
    failure = {"ErrorCode": "InternalFailure", "ErrorMessage": DiskFull().message}
    return {"FailedRecordCount": count, "Records": [failure] * count}


def encode_get_answer(
    records: Iterable[Record],
    *,
    next_iterator: str | None,
    millis_behind_latest: int,
    children: list[dict[str, Any]] | None,
) -> bytes:
    """The answer to GetRecords.

    Args:
        records: what was read.
        next_iterator: none where a closed shard was read to its end.
        millis_behind_latest: how old the newest of what was read is; 0 where nothing is left to read.
        children: the shards that follow, where a closed shard was read to its end.
    """
    answer: dict[str, Any] = {
        "Records": [
            {
                "Data": b64encode(record.data).decode(),
                "PartitionKey": record.partition_key,
                "SequenceNumber": str(record.sequence_number),
                "ApproximateArrivalTimestamp": record.arrived_ms / 1000,
            }
            for record in records
        ],
        "NextShardIterator": next_iterator,
        "MillisBehindLatest": millis_behind_latest,
    }
    if children is not None:
        answer["ChildShards"] = children
    return json.dumps(answer).encode()
