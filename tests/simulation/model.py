"""The answers that every client got, and the promises that must hold for them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Key = tuple[str, str]  # timestamp and request id
Place = tuple[str, int]  # sequence number and subsequence number

UNCLEAR: Final = (409, 500, 502, 503, 504)
SHOWN: Final = 5
HASH_KEYS: Final = 1 << 128  # partition keys are hashed with MD5


class PromiseBroken(AssertionError):
    """A promise does not hold; the message says which, and for what."""


@dataclass(slots=True)
class Sent:
    """An event as its client knows it.

    Args:
        number: which.
        keyed: whether its request had an Idempotency-Key.
        requests: how often it was sent.
        clear: how often the client heard what became of it.
        accepted: the keys that it was answered with.
    """

    number: int
    keyed: bool
    requests: int = 0
    clear: int = 0
    accepted: set[Key] = field(default_factory=set)

    @property
    def unclear(self) -> int:
        """How often the client got no answer, or one that leaves open what happened."""
        return self.requests - self.clear


@dataclass(slots=True)
class Model:
    """The truth to hold the pipeline to.

    Args:
        sent: events by number.
        poison: how often bytes that are not an event were put, for certain.
        maybe_poison: and how often at the most.
        written: the content of each row.
        loaded: events of files whose load has ended well.
        excused: readers that stood still for longer than the stream retains records.
        lease_holds: whether no step of the clock lets a lease run out early.
    """

    sent: dict[int, Sent] = field(default_factory=dict)
    poison: Counter[bytes] = field(default_factory=Counter)
    maybe_poison: Counter[bytes] = field(default_factory=Counter)
    written: dict[Key, str] = field(default_factory=dict)
    loaded: set[int] = field(default_factory=set)
    excused: set[str] = field(default_factory=set)
    lease_holds: bool = True

    def request(self, numbers: Iterable[int], *, keyed: bool) -> None:
        """A client sends events."""
        for number in numbers:
            self.sent.setdefault(number, Sent(number, keyed)).requests += 1

    def answer(self, numbers: Iterable[int], status: int | None, body: Mapping[str, Any] | None) -> None:
        """A client hears what became of its events; None where it hears nothing."""
        if status is None or body is None or status in UNCLEAR:
            return
        results = body.get("results") or ([body] if "request_id" in body else [])
        for number, result in zip(numbers, results, strict=False):
            if "timestamp" in result:
                self.sent[number].accepted.add((result["timestamp"], result["request_id"]))
            self.sent[number].clear += result.get("error", {}).get("code") != "in_doubt"

    def rows_written(self, rows: Iterable[tuple[Key, str]]) -> None:
        """Rows reach the table: a key never gets another content.

        Raises:
            PromiseBroken: one does.
        """
        for key, content in rows:
            before = self.written.setdefault(key, content)
            if before != content:
                raise PromiseBroken(f"row {key} is overwritten with other content: {before} by {content}")

    def check(self, found: "Found") -> None:
        """Compare what was found at the end with the answers that clients got.

        Raises:
            PromiseBroken: with every promise that does not hold.
        """
        checks = (self._kept, self._once, self._poison, self._replayed, self._compacted, self._routed)
        broken = [each for check in checks for each in check(found)]
        if broken:
            more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
            raise PromiseBroken("; ".join(broken[:SHOWN]) + more)

    def _kept(self, found: "Found") -> Iterable[str]:
        """A 2xx answer means kept: in the table or a dead letter, and in the lake or an error object."""
        for event in self.sent.values():
            for key in sorted(event.accepted):
                if key not in found.rows and key not in found.dead and "table" not in self.excused:
                    yield f"accepted event {event.number} {key} is in neither table nor dead letter"
                if not found.lake[key] and not found.errors[key] and "lake" not in self.excused:
                    yield f"accepted event {event.number} {key} is in neither lake nor error object"
                if key in found.rows and found.rows[key] != event.number:
                    yield f"row {key} holds event {found.rows[key]}, not {event.number}"
        for number in sorted(self.loaded):
            if not self.sent[number].accepted:
                yield f"event {number} of a file that was loaded was never accepted"

    def _once(self, found: "Found") -> Iterable[str]:
        """One row an event, with any retries; a client that retries without a key may get one each time."""
        rows_of: dict[int, set[Key]] = defaultdict(set)
        for key, number in found.rows.items():
            rows_of[number].add(key)
        for number in sorted(rows_of.keys() | self.sent.keys()):
            event = self.sent.get(number)
            rows = len(rows_of[number])
            if event is None:
                yield f"event {number} has a row and was never sent"
            elif event.keyed and rows > 1:
                yield f"event {number} was sent with a key and has {rows} rows"
            elif rows > len(event.accepted) + event.unclear:
                yield f"event {number}: {rows} rows, {len(event.accepted)} acceptances, {event.unclear} unclear answers"
            elif event.keyed and len(event.accepted) > 1:
                yield f"event {number} was sent with a key and accepted as {sorted(event.accepted)}"

    def _poison(self, found: "Found") -> Iterable[str]:
        """Bytes that are not an event are on the stream as often as put, and a dead letter has each, as they were."""
        if self.excused:
            return
        for data in sorted(self.maybe_poison):
            on_stream, least, most = len(found.poison.get(data, ())), self.poison[data], self.maybe_poison[data]
            if found.stream_is_whole and not least <= on_stream <= most:
                yield f"{data!r} was put {least} to {most} times, and is on the stream {on_stream} times"
            missing = found.poison.get(data, set()) - found.dead_sources.get(data, set())
            if missing:
                yield f"{data!r} at {sorted(missing)} is in no dead letter"
        for data in sorted(found.dead_sources):
            if data not in self.maybe_poison and found.no_event(data):
                yield f"dead letter of bytes that nobody put: {data!r}"
        if found.lost:
            yield f"{found.lost} records are archived as lost"

    def _replayed(self, found: "Found") -> Iterable[str]:
        """What is settled as put back is in the table, and was put once."""
        for settled in found.settled:
            if settled.key not in found.rows:
                yield f"{settled.name} is settled as put back, and {settled.key} is not in the table"
        for token, copies in sorted(found.tokens.items()):
            if copies > 1 and self.lease_holds:
                yield f"{token} was put back {copies} times"

    def _compacted(self, found: "Found") -> Iterable[str]:
        """Compacted hours hold every event that was merged, once."""
        for key in sorted(found.merged):
            if found.compacted[key] != 1:
                yield f"{key} was compacted, and is in {found.compacted[key]} compacted files"
        for key in sorted(found.compacted.keys() - found.lake.keys()):
            yield f"{key} is in a compacted file, and in no landing object"

    def _routed(self, found: "Found") -> Iterable[str]:
        """Every hash key belongs to one open shard."""
        next_key = 0
        for first, last in found.ranges:
            if first != next_key:
                yield f"the hash keys from {next_key} to {first} belong to no shard, or to two"
            next_key = last + 1
        if next_key != HASH_KEYS:
            yield f"the hash keys from {next_key} on belong to no shard"


@dataclass(frozen=True, slots=True)
class Settled:
    """A dead letter that is settled as put back.

    Args:
        name: its object and line.
        key: of its event.
    """

    name: str
    key: Key


@dataclass(slots=True)
class Found:
    """What lies in the pipeline's stores.

    Args:
        rows: of the table, the event's number by its key.
        dead: keys of events in dead letters.
        dead_sources: the places on the stream that dead letters name, by their bytes.
        poison: the places on the stream of bytes that are not an event, by those bytes.
        stream: keys of the events on the stream.
        stream_is_whole: whether nothing on the stream can have expired.
        ranges: of hash keys, of the open shards, in order.
        tokens: how often each record of a replay is on the stream.
        settled: dead letters that are settled as put back.
        lake: copies in the landing objects by key.
        errors: copies in Firehose's error objects by key.
        compacted: copies in the compacted files that manifests name, by key.
        merged: keys in landing objects that the manifests' files replace.
        lost: dead letters that say that a record was lost.
    """

    rows: dict[Key, int] = field(default_factory=dict)
    dead: set[Key] = field(default_factory=set)
    dead_sources: dict[bytes, set[Place]] = field(default_factory=dict)
    poison: dict[bytes, set[Place]] = field(default_factory=dict)
    stream: set[Key] = field(default_factory=set)
    stream_is_whole: bool = True
    ranges: list[tuple[int, int]] = field(default_factory=lambda: [(0, HASH_KEYS - 1)])
    tokens: Counter[str] = field(default_factory=Counter)
    settled: list[Settled] = field(default_factory=list)
    lake: Counter[Key] = field(default_factory=Counter)
    errors: Counter[Key] = field(default_factory=Counter)
    compacted: Counter[Key] = field(default_factory=Counter)
    merged: set[Key] = field(default_factory=set)
    lost: int = 0

    def no_event(self, data: bytes) -> bool:
        """Whether bytes in a dead letter are not an event."""
        return not data.startswith(b'{"version":1,')
