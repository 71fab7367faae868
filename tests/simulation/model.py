"""The answers that every client got, and the promises that must hold for them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]  # timestamp and request id


class PromiseBroken(AssertionError):
    """A promise does not hold; the message says which, and for what."""


@dataclass(slots=True)
class Sent:
    """An event as its client knows it.

    Args:
        number: which.
        keyed: whether its request had an Idempotency-Key.
        requests: how often it was sent.
        unclear: how often the client got no answer, or one that leaves open what happened.
        accepted: the keys that it was answered with.
    """

    number: int
    keyed: bool
    requests: int = 0
    unclear: int = 0
    accepted: set[Key] = field(default_factory=set)


@dataclass(slots=True)
class Model:
    """The truth to hold the pipeline to."""

    sent: dict[int, Sent] = field(default_factory=dict)
    poison: Counter[bytes] = field(default_factory=Counter)
    maybe_poison: Counter[bytes] = field(default_factory=Counter)
    written: dict[Key, str] = field(default_factory=dict)

    def request(self, numbers: Iterable[int], *, keyed: bool) -> None:
        """A client sends events."""
        for number in numbers:
            self.sent.setdefault(number, Sent(number, keyed)).requests += 1

    def answer(self, numbers: Iterable[int], status: int | None, body: Mapping[str, Any] | None) -> None:
        """A client hears what became of its events; None where it hears nothing."""
        numbers = list(numbers)
        if status is None or body is None or status in (409, 500, 502, 504):
            for number in numbers:
                self.sent[number].unclear += 1
            return
        results = body.get("results") or ([body] if "request_id" in body else [])
        for number, result in zip(numbers, results, strict=False):
            if "timestamp" in result:
                self.sent[number].accepted.add((result["timestamp"], result["request_id"]))
            elif result.get("error", {}).get("code") == "in_doubt":
                self.sent[number].unclear += 1

    def rows_written(self, rows: Iterable[tuple[Key, str]]) -> None:
        """Rows reach the table: a key never gets another content."""
        for key, content in rows:
            before = self.written.setdefault(key, content)
            if before != content:
                raise PromiseBroken(f"row {key} is overwritten with other content: {before} by {content}")

    def check(self, found: "Found") -> None:
        """Compare what was found at the end with the answers that clients got.

        Raises:
            PromiseBroken: with every promise that does not hold.
        """
        broken = [*self._kept(found), *self._once(found), *self._poison(found)]
        if broken:
            raise PromiseBroken("; ".join(broken[:5]) + (f"; and {len(broken) - 5} more" if len(broken) > 5 else ""))

    def _kept(self, found: "Found") -> Iterable[str]:
        """A 2xx answer means kept: in the table or a dead letter, and in the lake or an error object."""
        for event in self.sent.values():
            for key in sorted(event.accepted):
                if key not in found.rows and key not in found.dead:
                    yield f"accepted event {event.number} {key} is in neither table nor dead letter"
                if not found.lake[key] and not found.errors[key]:
                    yield f"accepted event {event.number} {key} is in neither lake nor error object"
                if key in found.rows and found.rows[key] != event.number:
                    yield f"row {key} holds event {found.rows[key]}, not {event.number}"

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
        """Bytes that are not an event are in a dead letter, as they were, and in a Firehose error object."""
        for data, copies in self.poison.items():
            if found.dead_bytes[data] < copies:
                yield f"{copies} of {data!r} were put, {found.dead_bytes[data]} are in dead letters"
        for data in found.dead_bytes:
            if data not in self.poison and data not in self.maybe_poison and not _is_event(data):
                yield f"dead letter of bytes that nobody put: {data!r}"
        if found.lost:
            yield f"{found.lost} records are archived as lost"


def _is_event(data: bytes) -> bool:
    try:
        return "request_id" in json.loads(data)
    except ValueError:
        return False


@dataclass(slots=True)
class Found:
    """What lies in the pipeline's stores.

    Args:
        rows: of the table, the event's number by its key.
        dead: keys of events in dead letters.
        dead_bytes: bytes in dead letters, counted.
        lake: copies in the lake by key.
        errors: copies in Firehose's error objects by key.
        lost: dead letters that say that a record was lost.
    """

    rows: dict[Key, int] = field(default_factory=dict)
    dead: set[Key] = field(default_factory=set)
    dead_bytes: Counter[bytes] = field(default_factory=Counter)
    lake: Counter[Key] = field(default_factory=Counter)
    errors: Counter[Key] = field(default_factory=Counter)
    lost: int = 0
