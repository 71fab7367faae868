"""Which shards a tail reads, and from where: children after their parents."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infra.tail.pace import Pace

FROM_ITS_START: Final[dict[str, Any]] = {"ShardIteratorType": "TRIM_HORIZON"}


@dataclass(slots=True)
class Cursor:
    """Where a tail is in one shard.

    Args:
        shard_id: of the shard.
        begin: the arguments of GetShardIterator with which it begins.
        pace: of its reads.
        due: when to read next, on the monotonic clock.
        iterator: for the next read; None where one has to be asked for.
        failing_since: when reads began to fail without an end, on the monotonic clock; None where they do not.
    """

    shard_id: str
    begin: dict[str, Any]
    pace: Pace
    due: float
    iterator: str | None = None
    failing_since: float | None = None

    def passed(self, sequence_number: str) -> None:
        """Everything up to a record was seen: a new iterator begins after it."""
        self.begin = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence_number}


@dataclass(slots=True)
class Shards:
    """The shards of a stream that are read now, and those that wait for their parents.

    Args:
        least_pause: seconds between two reads of a shard.
    """

    least_pause: float
    reading: dict[str, Cursor] = field(default_factory=dict)
    _waiting: dict[str, tuple[frozenset[str], dict[str, Any]]] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    def begin(self, shards: Iterable[Mapping[str, Any]], begin: dict[str, Any], now: float) -> None:
        """Take up the shards of ListShards.

        Args:
            shards: as the API lists them. One whose parent is among them waits for it, and begins at its own start.
            begin: arguments of GetShardIterator, for those without a parent among them.
            now: on the monotonic clock.
        """
        listed = {shard["ShardId"]: _parents(shard) for shard in shards}
        for shard_id, parents in listed.items():
            self._waiting[shard_id] = parents & listed.keys(), FROM_ITS_START if parents & listed.keys() else begin
        self._take_up(now)

    def ended(self, shard_id: str, children: Iterable[Mapping[str, Any]], now: float) -> None:
        """A shard was read to its end: its children begin once all their parents have ended.

        Args:
            shard_id: which ended.
            children: its `ChildShards`.
            now: on the monotonic clock.
        """
        self.reading.pop(shard_id, None)
        self._ended.add(shard_id)
        for child in children:
            known = child["ShardId"] in self.reading or child["ShardId"] in self._ended
            if not known and child["ShardId"] not in self._waiting:
                self._waiting[child["ShardId"]] = frozenset(child.get("ParentShards", ())), FROM_ITS_START
        self._take_up(now)

    def next_due(self) -> Cursor | None:
        """The shard to read next; None where every shard was read to its end."""
        return min(self.reading.values(), key=lambda cursor: cursor.due, default=None)

    def __iter__(self) -> Iterator[Cursor]:
        return iter(self.reading.values())

    def _take_up(self, now: float) -> None:
        """Read the shards whose parents have ended; all that wait, where no shard is read that could end."""
        ready = [each for each, (parents, _) in self._waiting.items() if parents <= self._ended]
        if not ready and not self.reading:
            ready = list(self._waiting)
        for shard_id in ready:
            _, begin = self._waiting.pop(shard_id)
            self.reading[shard_id] = Cursor(shard_id, begin, Pace(self.least_pause, self.least_pause), now)


def _parents(shard: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if shard.get(name))
