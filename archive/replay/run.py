"""One run of a replay: the lease, what an interrupted run left, the journal to go on with, and the putting back."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archive.dead_letters.documents import DamagedDocument, Documents, parsed
from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.selected import Seen, SelectedFailures
from archive.dead_letters.selection import Selection
from archive.dead_letters.settled_lines import SettledLines
from archive.lake.listing import list_objects
from archive.replay.batches import Replay
from archive.replay.destinations import Destination
from archive.replay.in_doubt import StreamSearch
from archive.replay.journal import FINISHED, PREFIX, RUNNING, Journal, Record
from archive.replay.lock import KEY, Holder, ReplayLock, read_lease
from archive.replay.plan import Decides, Tally
from archive.replay.rate import Pace
from archive.replay.settling import OnDoubt, Settling, settle_interrupted
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained

INTERRUPTED: Final = "interrupted"
RESUMABLE: Final = timedelta(hours=6)  # after that, `--from 24h` means another day
JOURNALS_LOOKED_AT: Final = 50


class NothingSelected(Explained):
    """No failure matches the selection; nothing was written."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator wants put back.

    Args:
        operator: who it is.
        host: the machine.
        pid: of this process.
        options: as they were written; the same options resume an unfinished replay.
        selection: what they mean now.
        edits: of the events, as written.
        again: whether what was settled before is taken too.
        on_doubt: see `archive.replay.settling.settle_interrupted`.
    """

    operator: str
    host: str
    pid: int
    options: dict[str, Any]
    selection: Selection
    edits: tuple[str, ...] = ()
    again: bool = False
    on_doubt: OnDoubt = "ask"


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """Carries an order out.

    Args:
        documents: the bucket of journals.
        failures: reads what failed.
        planner: decides about each failure.
        destination: where records go.
        search: finds on the stream what is in doubt.
        pace: how fast.
        clock: the time.
        stop: whether to end before the next batch.
        on_start: called with the journal, before anything is put back.
        on_batch: called after each batch.
    """

    documents: Documents
    failures: SelectedFailures
    planner: Decides
    destination: Destination
    search: StreamSearch
    pace: Pace
    clock: Clock = SYSTEM_CLOCK
    stop: Callable[[], bool] = lambda: False
    on_start: Callable[[Record], None] = lambda _: None
    on_batch: Callable[[Tally], None] = lambda _: None

    def carry_out(self, order: Order) -> tuple[Record, Tally]:
        """Put back what is ordered; return the journal, of all runs of the replay, and what this run did.

        Raises:
            ReplayUnderWay: somebody else replays.
            NothingSelected: no failure matches, not even a settled one, and no replay waits to be resumed.
            ReplayStopped, LockLost, OutOfReach: see `archive.replay.batches` and `archive.replay.settling`.
        """
        lock = ReplayLock(self.documents, Holder(order.operator, order.host, order.pid), clock=self.clock)
        lock.acquire()
        in_doubt = ""
        try:
            settling = Settling(self.documents, self.failures.executor, self.clock)
            settle_interrupted(
                lock,
                self.documents,
                settling=settling,
                search=self.search,
                on_doubt=order.on_doubt,
                clock=self.clock,
            )
            journal = self._unfinished(order)
            selection = Selection.from_description(journal.record.selection) if journal else order.selection
            failures = self.failures.select(selection, read_settled=order.again)
            if journal is None:
                failures = self._some(failures, selection)
                journal = self._new_journal(order)
            in_doubt = journal.record.id
            lock.enter(journal.record.id)
            self.on_start(journal.record)
            replay = Replay(
                journal,
                lock,
                planner=self.planner,
                destination=self.destination,
                settling=settling,
                search=self.search,
                pace=self.pace,
                clock=self.clock,
                stop=self.stop,
                on_batch=self.on_batch,
            )
            tally = replay.run(failures, again=order.again)
            in_doubt = ""
        finally:
            lock.release(unsettled=in_doubt)
        return journal.record, tally

    def _some(
        self, failures: Iterator[tuple[FailedRecord, SettledLines]], selection: Selection
    ) -> Iterator[tuple[FailedRecord, SettledLines]]:
        """Return the same failures, after a look at the first.

        Raises:
            NothingSelected: there is not one, and none that is settled either.
        """
        first = list(itertools.islice(failures, 1))
        everything = replace(self.failures, seen=Seen())
        if not first and next(everything.select(selection, read_settled=True), None) is None:
            raise NothingSelected("no failure matches these options")
        return itertools.chain(first, failures)

    def _unfinished(self, order: Order) -> Journal | None:
        """Return the journal of an unfinished replay of the same order; None if every one has ended."""
        now = datetime.fromtimestamp(self.clock.time(), UTC)
        for record in newest_first(self.documents, JOURNALS_LOOKED_AT):
            recent = now - datetime.fromisoformat(record.started_at) < RESUMABLE
            same = record.options == order.options and (recent or record.selection == order.selection.describe())
            if same and record.state != FINISHED:
                journal = Journal.open(self.documents, record.id, self.clock)
                if journal is not None:
                    journal.record.resumed += 1
                    journal.record.state = RUNNING
                    return journal
        return None

    def _new_journal(self, order: Order) -> Journal:
        """Begin a journal. Its id sorts by the microsecond, so that history shows replays in their order."""
        now = datetime.fromtimestamp(self.clock.time(), UTC)
        started = now.isoformat(timespec="seconds")
        journal = Journal(
            self.documents,
            Record(
                id=f"{now:%Y%m%dT%H%M%SZ}-{now.microsecond:05x}{secrets.token_hex(3)}",
                operator=order.operator,
                options=order.options,
                selection=order.selection.describe(),
                edits=list(order.edits),
                destination=self.destination.kind,
                started_at=started,
                updated_at=started,
            ),
            clock=self.clock,
        )
        journal.save()
        return journal


def newest_first(
    documents: Documents, most: int | None = None, on_damaged: Callable[[DamagedDocument], None] = lambda _: None
) -> Iterator[Record]:
    """Journals, the newest first; a damaged one is handed to `on_damaged`, and left out."""
    keys = [found.key for found in list_objects(documents.s3, documents.bucket, PREFIX)]
    for key in sorted(keys, reverse=True)[:most]:
        found = documents.read(key)
        if found is None:
            continue
        try:
            yield parsed(key, found.body, Record.from_json)
        except DamagedDocument as error:
            on_damaged(error)


def history(
    documents: Documents, most: int | None = None, on_damaged: Callable[[DamagedDocument], None] = lambda _: None
) -> list[tuple[Record, str]]:
    """Replays and their states, the newest last; `interrupted` where the process that ran it does not run any more."""
    holder = _holder(documents)
    states = [
        (record, INTERRUPTED if record.state == RUNNING and record.id != holder else record.state)
        for record in newest_first(documents, most, on_damaged)
    ]
    return states[::-1]


def _holder(documents: Documents) -> str:
    """The id of the replay that holds the lease."""
    found = documents.read(KEY)
    holder = parsed(KEY, found.body, read_lease)[0] if found else None
    return holder.replay if holder else ""
