"""The table written anew from the lake: the rows that the table writer wrote, for a period of acceptance.

It may be run at any time and any number of times: a row's key is fixed at acceptance, so a row that is there is
overwritten by itself. The table refuses again what never had a row (a dead letter of the table writer); the rebuild
counts it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from consumers.stream_batch import Poison, Received, Source
from consumers.table import EventTable
from infra.audit.sightings import Period
from infra.recovery.journal import Journal
from infra.recovery.lake_files import LakeFile, events_in
from infra.value_text import count_of
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import Event, timestamp_micros
from producers.explained import Explained

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PATIENCE_SECONDS: Final = 300.0  # for DynamoDB to take a batch; a new table grows its throughput while it is written to
REFUSED_KEPT: Final = 20
MICROS: Final = 1_000_000


class RebuildStopped(Explained):
    """DynamoDB refused rows for too long; the journal holds what is done."""


@dataclass(slots=True)
class Progress:
    """How far a rebuild is.

    Args:
        files: of the lake, to read.
        done: files read and written, by earlier runs too.
        rows: written by this run; a row that is in two files counts twice.
        expired: events left out because their rows would have expired by now.
        refused: events that the table takes in no form.
        examples: the first refused events, with the reason.
    """

    files: int
    done: int = 0
    rows: int = 0
    expired: int = 0
    refused: int = 0
    examples: list[str] = field(default_factory=list)


class Rebuild:
    """One rebuild.

    Args:
        s3: to read the lake with.
        bucket: of the lake.
        table: written to.
        journal: what is done, begun already.
        period: of acceptance.
        ttl_seconds: how long after acceptance a row expires; None for never.
        clock: the time.
    """

    def __init__(
        self,
        s3: "S3Client",
        bucket: str,
        table: EventTable,
        journal: Journal,
        period: Period,
        *,
        ttl_seconds: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._table = table
        self._journal = journal
        self._period = period
        self._ttl_seconds = ttl_seconds
        self._clock = clock

    def run(self, files: Sequence[LakeFile]) -> Iterator[Progress]:
        """Write the rows of every file that is not done yet; yield the progress after each batch.

        Raises:
            RebuildStopped: DynamoDB did not take a batch within `PATIENCE_SECONDS`.
            TableUnavailable: nothing can be written.
        """
        progress = Progress(len(files), sum(file.key in self._journal.done for file in files))
        yield progress
        for file in files:
            if file.key in self._journal.done:
                continue
            for events in events_in(self._s3, self._bucket, file, self._period):
                self._write(events, progress)
                yield progress
            self._journal.note(file.key)
            progress.done += 1
            yield progress

    def _write(self, events: list[Event], progress: Progress) -> None:
        kept = [event for event in events if not self._is_expired(event)]
        outcome = self._table.write([_received(event) for event in kept], self._clock.monotonic() + PATIENCE_SECONDS)
        if outcome.unwritten:
            raise RebuildStopped(
                f"DynamoDB did not take {count_of(len(outcome.unwritten), 'row')} within {PATIENCE_SECONDS:.0f} s. "
                "Look at the table's throttling, then run the same command again: it resumes"
            )
        progress.rows += len(outcome.written)
        progress.expired += len(events) - len(kept)
        progress.refused += len(outcome.poison)
        progress.examples += [_line(poison) for poison in outcome.poison][: REFUSED_KEPT - len(progress.examples)]

    def _is_expired(self, event: Event) -> bool:
        if self._ttl_seconds is None:
            return False
        return timestamp_micros(event.timestamp) // MICROS + self._ttl_seconds <= self._clock.time()


def _received(event: Event) -> Received:
    """An event as if it came off the stream, with its key for its place there."""
    return Received(Source("", "", event.timestamp, 0, event.request_id, event.timestamp), b"", event)


def _line(poison: Poison) -> str:
    return f"{poison.source.arrived_at} {poison.source.partition_key}: {poison.error_type}: {poison.error_message}"
