"""An environment's failures: the stores opened, a selection read, what is left to do counted."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.dead_letters import athena_selection
from archive.dead_letters.documents import Documents
from archive.dead_letters.outlook import outlook_of
from archive.dead_letters.reading import READERS
from archive.dead_letters.report import FailureReport
from archive.dead_letters.selected import SelectedFailures
from archive.dead_letters.selection import Matcher, Selection, SelectionError, parse_time
from archive.dead_letters.stores import Store, StoredObject, objects, stores
from archive.lake.layout import DEAD_LETTERS
from infra.environment import Environment
from infra.names import Names
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Session:
    """What of an environment the work on failures needs."""

    environment: Environment
    settings: Settings
    names: Names
    executor: ThreadPoolExecutor
    s3: Any
    failures: SelectedFailures


@contextmanager
def session(environment: Environment, notice: Callable[[str], None] = lambda _: None) -> Iterator[Session]:
    """Open an environment's stores.

    Args:
        environment: whose failures are meant.
        notice: takes a line where selecting takes another way than listing.
    """
    settings, names = environment.settings(), environment.names()
    s3 = environment.client("s3", connections=READERS + 4)
    places = stores(names.dead_letter_bucket, names.lake_bucket, timedelta(hours=settings.stream.retention_hours))
    with ThreadPoolExecutor(READERS, thread_name_prefix="s3") as executor:
        failures = SelectedFailures(s3, executor, places, Documents(s3, names.dead_letter_bucket))
        if not environment.is_local:  # where Athena has nothing to read
            failures.sources[DEAD_LETTERS] = _Source(s3, environment.client("athena"), names, notice).objects
        yield Session(environment, settings, names, executor, s3, failures)


def selection_of(
    start: str, end: str, stages: tuple[str, ...] = (), errors: tuple[str, ...] = (), where: str = ""
) -> Selection:
    """The selection that is written so.

    Raises:
        SelectionError: a part of it cannot be understood.
    """
    now = datetime.fromtimestamp(time.time(), UTC)
    selection = Selection(parse_time(start, now), parse_time(end, now), stages, errors, where)
    Matcher(selection)
    if selection.start >= selection.end:
        raise SelectionError(
            f"--from {selection.start:%Y-%m-%d %H:%M} lies after --to {selection.end:%Y-%m-%d %H:%M} (UTC)"
        )
    return selection


def report_of(opened: Session, selection: Selection, *, everything: bool = False) -> FailureReport:
    """Count what is left to do, and what the pipeline would do with it now.

    Args:
        opened: the environment.
        selection: what is meant.
        everything: whether what is settled is read and counted too.
    """
    report = FailureReport()
    for failed, settled in opened.failures.select(selection, read_settled=everything):
        if settled.holds(failed.line):
            report.settled += everything  # without `everything`, settled objects are not read: no count
        else:
            at_hand = opened.failures.with_data(failed)
            report.add(at_hand, outlook_of(at_hand))
    return report


@dataclass(frozen=True, slots=True)
class _Source:
    """Gives the objects of dead letters: by listing them, or, where those are too many to read, from Athena."""

    s3: Any
    athena: Any
    names: Names
    notice: Callable[[str], None]

    def objects(self, store: Store, selection: Selection) -> Iterator[StoredObject]:
        """The objects that may hold what is selected."""
        listed = objects(self.s3, store, selection.start, selection.end)
        first = list(itertools.islice(listed, athena_selection.MOST_OBJECTS_READ + 1))
        narrowed = selection.stages or selection.errors
        if len(first) > athena_selection.MOST_OBJECTS_READ and narrowed:
            self.notice(f"Over {athena_selection.MOST_OBJECTS_READ:,} objects: Athena selects.")
            database, workgroup = self.names.database, self.names.prefix
            yield from athena_selection.objects(self.athena, store, selection, database=database, workgroup=workgroup)
        else:
            yield from first
            yield from listed
