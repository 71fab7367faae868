"""What a replay does with each failure: put it back, discard it, or leave it and say why."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.outlook import (
    LOST,
    NOTHING_TO_DO,
    STILL_FAILS,
    Outlook,
    outlook_of,
    outlook_of_event,
    schema_problem,
)
from archive.replay.destination_kinds import RAW, STREAM, TABLE
from archive.replay.destinations import Planned
from archive.replay.document import InvalidEdit
from archive.replay.editing import Edit
from producers.event import PoisonEvent, decode
from producers.replay_mark import LAKE

MAX_REPLAYS: Final = 3  # more need --force: what failed so often fails again
EXAMPLES: Final = 20  # of what is left, shown


@dataclass(frozen=True, slots=True)
class Left:
    """A failure that is not put back.

    Args:
        name: of the failure.
        kind: in a few words, by which it is counted.
        reason: in full.
    """

    name: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """A failure that the edit discards: it is settled without being put back."""

    failed: FailedRecord


@dataclass(slots=True)
class Tally:
    """What a replay did, or would do.

    Args:
        put_back: how many records it puts back.
        discarded: how many it discards.
        left: how many it leaves, by kind.
        examples: the first that it leaves.
        size: bytes to put on the stream, about.
        bound: how many go where: `table`, `lake`, `table and lake`.
    """

    put_back: int = 0
    discarded: int = 0
    left: Counter[str] = field(default_factory=Counter)
    examples: list[Left] = field(default_factory=list)
    size: int = 0
    bound: Counter[str] = field(default_factory=Counter)

    def leave(self, left: Left) -> None:
        """Count a failure that is not put back."""
        self.left[left.kind] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(left)

    def plan(self, planned: Planned) -> None:
        """Count a record that is put back."""
        self.put_back += 1
        self.size += planned.size
        self.bound[planned.bound or "table and lake"] += 1

    @property
    def total(self) -> int:
        """All of them."""
        return self.put_back + self.discarded + self.left.total()


class Decides(Protocol):
    """Decides what a run does with each failure."""

    def decide(self, failed: FailedRecord) -> Planned | Discarded | Left:
        """What is done with a failure."""
        ...


class DiscardAll:
    """Discards every failure without a look at its bytes: it is settled, and nothing is put back."""

    def decide(self, failed: FailedRecord) -> Discarded:
        """Discard it."""
        return Discarded(failed)


class Planner:
    """Decides about failures.

    Args:
        with_data: gives a failure with its bytes at hand.
        edit: of every event first; None for none.
        destination: `stream`, `table` or `raw`.
        force: whether failures that were put back often already are put back once more.
    """

    def __init__(
        self,
        with_data: Callable[[FailedRecord], FailedRecord],
        edit: Edit | None = None,
        destination: str = STREAM,
        *,
        force: bool = False,
    ) -> None:
        self._with_data = with_data
        self._edit = edit
        self._destination = destination
        self._force = force

    def decide(self, failed: FailedRecord) -> Planned | Discarded | Left:
        """What is done with a failure."""
        if failed.is_lost:
            return Left(failed.name, LOST, failed.error.message)
        if failed.replays >= MAX_REPLAYS and not self._force:
            often = f"put back {failed.replays} times before, and failed again; --force puts it back once more"
            return Left(failed.name, "put back too often", often)
        failed = self._with_data(failed)
        if failed.data is None:
            return Left(failed.name, failed.stage, failed.error.message)
        if self._destination == RAW:
            return self._decide_raw(failed)
        if self._edit is None:
            return self._judge(failed, outlook_of(failed))
        return self._decide_edited(failed, self._edit)

    def _decide_edited(self, failed: FailedRecord, edit: Edit) -> Planned | Discarded | Left:
        try:
            event = edit.apply(failed)
        except InvalidEdit as error:
            return Left(failed.name, "edit failed", str(error))
        if event is None:
            return Discarded(failed)
        decision = self._judge(failed, outlook_of_event(event, failed.bound))
        if isinstance(decision, Planned) and (problem := schema_problem(event)):
            return Left(failed.name, "breaks the event schema", problem)
        return decision

    def _judge(self, failed: FailedRecord, outlook: Outlook) -> Planned | Left:
        if outlook.verdict in (STILL_FAILS, NOTHING_TO_DO, LOST) or outlook.event is None:
            return Left(failed.name, outlook.verdict, outlook.reason)
        if self._destination == TABLE and outlook.bound == LAKE:
            return Left(failed.name, "not for the table", "it failed on its way to the lake; leave out --into table")
        return Planned(failed, outlook.event, outlook.bound)

    def _decide_raw(self, failed: FailedRecord) -> Planned | Left:
        if failed.bound == LAKE:
            both = "its dead letter puts the same raw bytes back for both readers, so this error of Firehose need not"
            return Left(failed.name, "not as raw bytes", both)
        try:
            decode(failed.data or b"")
        except PoisonEvent:
            return Planned(failed, None, None)
        return Left(failed.name, "not as raw bytes", "it is an event; leave out --into raw")
