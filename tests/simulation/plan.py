"""What clients and operators do in one simulation, drawn from the seed before it begins."""

import random
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["post", "poison", "reshard", "clock", "replay", "drain", "compact", "crash"]

HOURS: Final = 10.0  # of pipeline time in a simulation
BURSTS: Final = (1, 4)  # how many bursts of traffic
ACTIONS: Final = (6, 30)
OPERATIONS: Final[tuple[tuple[Kind, float], ...]] = (
    ("poison", 0.5),
    ("reshard", 0.35),
    ("clock", 0.15),
    ("replay", 0.3),
    ("drain", 0.15),
)


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a client or an operator does.

    Args:
        at: seconds after the beginning.
        kind: what.
        number: of its events the first; unique.
        events: how many events a post has, or how many bytes that are not events.
        key: whether a post has an Idempotency-Key, and whether its client tries again without an answer.
        retries: how often the client sends it again while it has no clear answer.
        value: the number of shards, or the seconds that the wall clock steps.
    """

    at: float
    kind: Kind
    number: int = 0
    events: int = 0
    key: bool = False
    retries: int = 0
    value: int = 0

    def __str__(self) -> str:
        """One line of a history."""
        match self.kind:
            case "post":
                how = f"{'with' if self.key else 'without'} a key, {self.retries} retries"
                return f"post {self.events} events from number {self.number}, {how}"
            case "poison":
                return f"{self.events} records that are not events, from number {self.number}"
            case "reshard":
                return f"the stream gets {self.value} shards"
            case "clock":
                return f"the wall clock steps by {self.value} s"
            case _:
                return self.kind


def plan(seed: int) -> list[Action]:
    """The actions of a simulation, in order of time.

    Args:
        seed: draws them.
    """
    source = random.Random(f"plan {seed}")
    actions: list[Action] = []
    number = 0
    for _ in range(source.randint(*BURSTS)):
        begin = source.uniform(0, HOURS * 3600 * 0.7)
        length = source.choice((5.0, 60.0, 1800.0))
        for _ in range(source.randint(*ACTIONS)):
            events = source.choice((1, 1, 2, 7, 30))
            at = begin + source.uniform(0, length)
            actions.append(Action(at, "post", number, events, source.random() < 0.5, source.choice((0, 2, 6))))
            number += events
        for kind, chance in OPERATIONS:
            if source.random() < chance:
                at = begin + source.uniform(0, length + 600)
                value = source.choice((1, 2, 3, 4)) if kind == "reshard" else source.choice((-7200, -60, 60, 3600))
                events = source.randint(1, 3) if kind == "poison" else 0
                actions.append(Action(at, kind, number, events, value=value))
                number += events
    return sorted(actions, key=lambda action: (action.at, action.number))
