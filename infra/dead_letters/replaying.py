"""A replay as an operator asks for it: tried on the first failures, rehearsed, carried out."""

import itertools
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.selection import Selection
from archive.replay.destination_kinds import RAW, STREAM
from archive.replay.destinations import Planned
from archive.replay.document import InvalidEdit
from archive.replay.editing import Edit
from archive.replay.in_doubt import OutOfReach, StreamSearch
from archive.replay.journal import Record
from archive.replay.lock import LockLost, ReplayUnderWay
from archive.replay.plan import Decides, DiscardAll, Discarded, Left, Planner, Tally
from archive.replay.rate import Pace, Rate
from archive.replay.run import Order, ReplayRun
from archive.replay.settling import OnDoubt, ReplayStopped
from infra.dead_letters.putting import destination, kinesis, pace_of
from infra.dead_letters.session import Session
from infra.dead_letters.wish import Wish
from infra.value_text import count_of
from producers.clock import SYSTEM_CLOCK
from producers.explained import Explained

SAMPLED: Final = 20
SHOWN_DIFFS: Final = 3


class EditFitsNothing(Explained):
    """None of the first failures can be put back after the edit."""


class ReplayEnded(Explained):
    """A replay was refused, or ended before its end; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An edit tried on one failure.

    Args:
        failed: the failure.
        diff: what the edit does to it; its error where it does not work on it.
        left: why it would not be put back; None where it would.
    """

    failed: FailedRecord
    diff: tuple[str, ...]
    left: Left | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a replay would do.

    Args:
        tally: of all that is selected.
        seconds: that it would take, about.
        capacity: how fast it would be, in words.
    """

    tally: Tally
    seconds: float
    capacity: str


@dataclass(frozen=True, slots=True)
class Replaying:
    """A wish on an environment's failures.

    Args:
        opened: the environment.
        wish: what is to be put back.
        on_tried: takes the first failures with what the edit does to them, where there is an edit.
    """

    opened: Session
    wish: Wish
    on_tried: Callable[[list[Tried]], None] = lambda _: None

    @property
    def _planner(self) -> Planner:
        return Planner(self.opened.failures.with_data, self.wish.edit, self.wish.kind, force=self.wish.force)

    def rehearse(self) -> Rehearsal:
        """Find out what would be done; nothing is changed.

        Raises:
            EditFitsNothing: the edit makes nothing of the first failures that could be put back.
        """
        pace, capacity = pace_of(self.opened, self.wish.kind, rate=self.wish.rate, share=self.wish.share)
        tally, planner = Tally(), self._planner
        for failed in self._tried(self._unsettled()):
            match planner.decide(failed):
                case Left() as left:
                    tally.leave(left)
                case Discarded():
                    tally.discarded += 1
                case Planned() as planned:
                    tally.plan(planned)
        is_raw = self.wish.kind == RAW
        aggregate = 1 if is_raw else self.opened.settings.stream.aggregate_bytes
        records = tally.put_back if is_raw else -(-tally.size // aggregate)
        seconds = pace.rate.seconds(tally.size, records, tally.put_back) if tally.put_back else 0.0
        return Rehearsal(tally, seconds, capacity)

    def act(
        self,
        operator: str,
        *,
        stop: Callable[[], bool] = lambda: False,
        on_start: Callable[[Record], None] = lambda _: None,
        on_batch: Callable[[Tally], None] = lambda _: None,
    ) -> tuple[Record, Tally]:
        """Put back; return the journal, of all runs of the replay, and what this run did.

        Args:
            operator: who it is, for the journal.
            stop: whether to end before the next batch.
            on_start: takes the journal, before anything is put back.
            on_batch: takes the counts after each batch.

        Raises:
            EditFitsNothing: see `rehearse`.
            NothingSelected: no failure is meant.
            ReplayEnded: another replay is under way, or this one was stopped or lost its lease.
        """
        wish = self.wish
        if wish.edit is not None:
            for _ in self._tried(itertools.islice(self._unsettled(), SAMPLED)):
                pass
        pace, _ = pace_of(self.opened, wish.kind, rate=wish.rate, share=wish.share)
        edits = wish.edit.as_written if wish.edit else ()
        order = order_of(
            operator, wish.as_written, wish.selection, edits=edits, again=wish.again, on_doubt=wish.on_doubt
        )
        return carry_out(
            self.opened, order, self._planner, wish.kind, pace, stop=stop, on_start=on_start, on_batch=on_batch
        )

    def _unsettled(self) -> Iterator[FailedRecord]:
        again = self.wish.again
        for failed, settled in self.opened.failures.select(self.wish.selection, read_settled=again):
            if again or not settled.holds(failed.line):
                yield failed

    def _tried(self, failures: Iterator[FailedRecord]) -> Iterator[FailedRecord]:
        """The same failures; where they are edited, the first of them are tried before."""
        if self.wish.edit is None:
            yield from failures
            return
        sample = list(itertools.islice(failures, SAMPLED))
        planner = self._planner
        decided = [planner.decide(failed) for failed in sample]
        lefts = [each for each in decided if isinstance(each, Left)]
        self.on_tried(
            [
                Tried(failed, self._diff(failed, self.wish.edit), each if isinstance(each, Left) else None)
                for failed, each in list(zip(sample, decided, strict=True))[:SHOWN_DIFFS]
                if not failed.is_lost
            ]
        )
        if sample and len(lefts) == len(sample):
            raise EditFitsNothing(
                f"not one of {count_of(len(sample), 'failure')} can be put back after this edit, so nothing was: "
                f"{lefts[0].reason}"
            )
        yield from sample
        yield from failures

    def _diff(self, failed: FailedRecord, edit: Edit) -> tuple[str, ...]:
        try:
            return tuple(edit.diff(self.opened.failures.with_data(failed)))
        except InvalidEdit as error:
            return (f"--- {failed.name}", f"    {error}")


def order_of(
    operator: str,
    as_written: dict[str, Any],
    selection: Selection,
    *,
    edits: tuple[str, ...] = (),
    again: bool = False,
    on_doubt: OnDoubt = "ask",
) -> Order:
    """The order of this process here, named with its network card's address, since machines may share a name."""
    host = f"{socket.gethostname()} ({uuid.getnode():012x})"
    return Order(operator, host, os.getpid(), as_written, selection, edits, again, on_doubt)


def discard(
    opened: Session,
    order: Order,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_batch: Callable[[Tally], None] = lambda _: None,
) -> Record:
    """Settle failures without putting them back; return the journal.

    Raises:
        NothingSelected, ReplayEnded: as with `Replaying.act`.
    """
    return carry_out(opened, order, DiscardAll(), STREAM, Pace(Rate()), stop=stop, on_batch=on_batch)[0]


def count_unsettled(opened: Session, selection: Selection) -> int:
    """How many failures would be discarded."""
    return sum(not settled.holds(failed.line) for failed, settled in opened.failures.select(selection))


def carry_out(
    opened: Session,
    order: Order,
    planner: Decides,
    kind: str,
    pace: Pace,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_start: Callable[[Record], None] = lambda _: None,
    on_batch: Callable[[Tally], None] = lambda _: None,
) -> tuple[Record, Tally]:
    """Carry an order out; see `Replaying.act`."""
    with ThreadPoolExecutor(8, thread_name_prefix="replay") as executor:
        run = ReplayRun(
            documents=opened.failures.documents,
            failures=opened.failures,
            planner=planner,
            destination=destination(opened, kind, executor),
            search=StreamSearch(kinesis(), opened.names.stream, executor, SYSTEM_CLOCK),
            pace=pace,
            stop=stop,
            on_start=on_start,
            on_batch=on_batch,
        )
        try:
            return run.carry_out(order)
        except ReplayUnderWay as error:
            raise ReplayEnded(f"refused: {error}") from error
        except (ReplayStopped, LockLost, OutOfReach) as error:
            done = "discarded" if isinstance(planner, DiscardAll) else "put back"
            raise ReplayEnded(f"{error}; what was {done} is noted, and the same command resumes from there") from error
