"""Which failures are settled: for each object of failures a small document in S3, with the lines that were put back.

Because of it replays whose selections overlap put a failure back once, and a list shows only what is left to do. The
failures themselves are never changed or deleted.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from archive.dead_letters.documents import Documents, parsed

PREFIX: Final = "replays/settled/"
PUT_BACK: Final = "put back"
DISCARDED: Final = "discarded"
MAX_LINE: Final = 100_000_000  # more than any object has; a damaged document must not fill the memory


def settled_key(object_key: str) -> str:
    """The key of the document with the settled lines of an object of failures."""
    return PREFIX + object_key


@dataclass(frozen=True, slots=True)
class Settlement:
    """Lines that one replay settled in one way.

    Args:
        replay: its id.
        outcome: `put back` or `discarded`.
        at: when it last did: UTC, ISO 8601.
        lines: their numbers.
    """

    replay: str
    outcome: str
    at: str
    lines: set[int]


@dataclass(slots=True)
class SettledLines:
    """What is settled of one object of failures.

    Args:
        settlements: in the order in which they were made.
        total: lines in the object, where that is known.
        etag: of what is kept in S3; None where nothing is.
    """

    settlements: list[Settlement] = field(default_factory=list)
    total: int | None = None
    etag: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing in the object is left to do."""
        return self.total is not None and len(self.lines()) >= self.total

    def lines(self) -> set[int]:
        """The lines that are settled."""
        return set().union(*(each.lines for each in self.settlements))

    def holds(self, line: int, replay: str | None = None) -> bool:
        """Whether a line is settled, by one replay or by any."""
        return any(line in each.lines for each in self.settlements if replay in (None, each.replay))

    def of_line(self, line: int) -> Iterator[Settlement]:
        """How a line was settled; more than once where a replay took it again (`--again`)."""
        return (each for each in self.settlements if line in each.lines)

    def add(self, replay: str, outcome: str, at: str, lines: Iterable[int]) -> None:
        """Enter lines that a replay settled."""
        for index, each in enumerate(self.settlements):
            if (each.replay, each.outcome) == (replay, outcome):
                self.settlements[index] = Settlement(replay, outcome, at, each.lines.union(lines))
                return
        self.settlements.append(Settlement(replay, outcome, at, set(lines)))

    def to_json(self) -> bytes:
        """As kept in S3."""
        settled = [
            {"replay": each.replay, "outcome": each.outcome, "at": each.at, "lines": to_ranges(each.lines)}
            for each in self.settlements
        ]
        return json.dumps({"version": 1, "total": self.total, "settled": settled}, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "SettledLines":
        """Read what `to_json` wrote."""
        kept: dict[str, Any] = json.loads(text)
        return cls(
            [Settlement(s["replay"], s["outcome"], s["at"], set(from_ranges(s["lines"]))) for s in kept["settled"]],
            kept["total"],
        )


def read_settled_lines(documents: Documents, object_key: str) -> SettledLines:
    """What is settled of an object of failures."""
    found = documents.read(settled_key(object_key))
    if found is None:
        return SettledLines()
    settled = parsed(settled_key(object_key), found.body, SettledLines.from_json)
    settled.etag = found.etag
    return settled


def to_ranges(numbers: Iterable[int]) -> str:
    """Numbers as ranges, such as `0-99,105`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ranges)


def from_ranges(text: str) -> Iterator[int]:
    """The numbers that ranges such as `0-99,105` name, in order."""
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        if int(last or first) > MAX_LINE:
            raise ValueError(f"{part:.40} names lines beyond {MAX_LINE:,}")
        yield from range(int(first), int(last or first) + 1)
