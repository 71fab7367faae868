"""What a journey consists of: the steps of one event, and the places that were searched for them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from producers.event import Event

Place = Literal["http", "stream", "table", "lake", "failure", "replay"]

IN_ORDER: Final[tuple[Place, ...]] = ("http", "stream", "table", "lake", "failure", "replay")


@dataclass(frozen=True, slots=True)
class Step:
    """One place at which an event was seen.

    Args:
        place: where.
        at: when, UTC; None where nobody knows, such as of a row whose event is not traced.
        what: one line for people.
        facts: the same for programs, by name.
    """

    place: Place
    at: datetime | None
    what: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search:
    """A place that was searched.

    Args:
        place: which.
        looked_at: what was looked at, such as `2 shards, 120 records, 10:00:00 to 10:05:00`.
        found: how many steps came of it.
        missed: why there may be more; empty where all of it was looked at.
    """

    place: Place
    looked_at: str
    found: int
    missed: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """The event's X-Ray trace.

    Args:
        id: of the trace.
        is_sampled: whether segments of it are kept.
        link: where to see it.
        segments: of it: `name`, `start` and `end` in seconds since the epoch, `outcome`; by when they began.
    """

    id: str
    is_sampled: bool
    link: str
    segments: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    """Where one event went.

    Args:
        request_id: of the event.
        event: as it was seen first; None where nobody saw it.
        steps: in the order of time; those without one stand in the order of the pipeline.
        searches: every place that was searched, or not searched and why.
        trace: where the event carries one.
    """

    request_id: str
    event: Event | None
    steps: tuple[Step, ...]
    searches: tuple[Search, ...]
    trace: Trace | None = None

    @property
    def is_known(self) -> bool:
        """Whether it was seen anywhere."""
        return bool(self.steps)

    def seconds_after(self, step: Step) -> float | None:
        """How long after the first step a step was, in seconds; None where its time is not known."""
        times = [each.at for each in self.steps if each.at is not None]
        return None if step.at is None else (step.at - times[0]).total_seconds()

    def document(self) -> dict[str, Any]:
        """It as JSON."""
        return {
            "request_id": self.request_id,
            "timestamp": None if self.event is None else self.event.timestamp,
            "steps": [
                {
                    "place": step.place,
                    "at": None if step.at is None else step.at.isoformat(),
                    "seconds_after": self.seconds_after(step),
                    "what": step.what,
                    **step.facts,
                }
                for step in self.steps
            ],
            "searched": [
                {"place": each.place, "looked_at": each.looked_at, "found": each.found, "missed": each.missed}
                for each in self.searches
            ],
            "trace": None
            if self.trace is None
            else {
                "id": self.trace.id,
                "sampled": self.trace.is_sampled,
                "link": self.trace.link,
                "segments": list(self.trace.segments),
            },
        }
