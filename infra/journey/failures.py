"""Looking for an event among the dead letters and Firehose's error objects, and for what replays did with it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from archive.dead_letters.documents import Documents
from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.selected import SelectedFailures
from archive.dead_letters.selection import Selection
from archive.dead_letters.settled_lines import SettledLines
from archive.dead_letters.stores import Store, StoredObject, objects, stores
from infra.journey.steps import Search, Step
from infra.names import Names
from infra.value_text import count_of
from producers.event import Event, PoisonEvent, decode

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MAX_OBJECTS: Final = 2_000  # of each store
READERS: Final = 8


def in_failures(
    s3: "S3Client", names: Names, retention: timedelta, request_id: str, *, start: datetime, end: datetime
) -> tuple[list[Step], Search, Event | None]:
    """Every failure of an event, and every replay of one.

    Args:
        s3: a boto3 client.
        names: of the environment.
        retention: of the stream.
        request_id: of the event.
        start: failed from then on.
        end: and before then.

    Returns:
        The steps, what was searched, and the event as a failure has it.
    """
    places = stores(names.dead_letter_bucket, names.lake_bucket, retention)
    bound = _Bound(s3)
    steps: list[Step] = []
    event: Event | None = None
    with ThreadPoolExecutor(READERS, thread_name_prefix="journey") as executor:
        documents = Documents(s3, names.dead_letter_bucket)
        failures = SelectedFailures(s3, executor, places, documents, {each.name: bound.objects for each in places})
        selection = Selection(start, end, where=f"event.request_id == '{_escaped(request_id)}'")
        for failed, settled in failures.select(selection, read_settled=True):
            steps += _steps(failed, settled)
            event = event or _event(failed)
    looked_at = (
        f"{count_of(failures.seen.objects, 'object')} of dead letters and Firehose errors, "
        f"{count_of(failures.seen.records, 'failure')} "
        f"from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    )
    missed = f"ended after {MAX_OBJECTS:,} objects of a store: give a shorter --from and --to" if bound.reached else ""
    return steps, Search("failure", looked_at, len(steps), missed), event


class _Bound:
    """Gives the first objects of a store, and notes whether there were more."""

    def __init__(self, s3: "S3Client") -> None:
        self._s3 = s3
        self.reached = False

    def objects(self, store: Store, selection: Selection) -> Iterator[StoredObject]:
        listed = objects(self._s3, store, selection.start, selection.end)
        yield from islice(listed, MAX_OBJECTS)
        self.reached |= next(listed, None) is not None


def _steps(failed: FailedRecord, settled: SettledLines) -> Iterator[Step]:
    facts = {"stage": failed.stage, "error": failed.error.type, "message": failed.error.message, "name": failed.name}
    what = f"failed at {failed.stage}: {failed.error.type}: {failed.error.message} ({failed.name})"
    yield Step("failure", failed.failed_at, what, facts)
    for each in settled.of_line(failed.line):
        yield Step(
            "replay",
            datetime.fromisoformat(each.at),
            f"{each.outcome} by replay {each.replay}",
            {"replay": each.replay, "outcome": each.outcome, "name": failed.name},
        )


def _event(failed: FailedRecord) -> Event | None:
    try:
        return None if failed.data is None else decode(failed.data)
    except PoisonEvent:
        return None


def _escaped(text: str) -> str:
    """A text within the quotes of a JMESPath raw string."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
