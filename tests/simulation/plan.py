"""What clients and operators do in one simulation, and what befalls it, drawn from the seed before it begins."""

import random
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "post",
    "poison",
    "reshard",
    "clock",
    "replay",
    "drain",
    "compact",
    "load",
    "crash",
    "disk full",
    "key disabled",
    "standstill",
    "bad release",
]
Fate = Literal["", "killed", "suspended"]

HOURS: Final = 10.0  # in which bursts of traffic begin
BURSTS: Final = (1, 4)  # how many
ACTIONS: Final = (6, 30)
PATIENCE_SECONDS: Final = 30.0
# What may happen in a burst, how likely, and the numbers that it may come with.
OPERATIONS: Final[tuple[tuple[Kind, float, tuple[int, ...]], ...]] = (
    ("poison", 0.5, (1, 2, 3)),
    ("reshard", 0.35, (1, 2, 3, 4)),
    ("clock", 0.15, (-7200, -60, 60, 3600, 14_400)),
    ("replay", 0.3, (0,)),
    ("drain", 0.1, (0,)),
    ("compact", 0.25, (0,)),
    ("load", 0.2, (5, 20, 40)),
    ("crash", 0.2, (1, 20, 600)),
    ("disk full", 0.1, (5, 120, 1800)),
    ("key disabled", 0.1, (5, 300, 7200)),
    ("bad release", 0.15, (30, 600, 3600)),
)
LATER: Final = {"replay": 4000.0, "compact": 9000.0}  # these come so much later than what they work on, at the most
STANDSTILL: Final = 0.03  # how likely a reader is slower than the stream's retention
HOW: Final = ("count", "split", "split", "merge")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a client or an operator does, or that happens to the machine.

    Args:
        at: seconds after the beginning.
        kind: what.
        number: of its events the first; unique.
        events: how many events it has, or how many bytes that are not events.
        key: whether a post has an Idempotency-Key.
        retries: how often the client sends it again while it has no clear answer.
        value: the number of shards; the seconds that the wall clock steps; or how long it lasts, in seconds.
        how: of a reshard: `count`, `split` or `merge`; of a standstill, which reader.
        patience: seconds after which a client cuts its request.
        fate: what becomes of an operator's process.
        fate_call: after which of its calls of AWS; of a load, after how many hundredths of a second.
    """

    at: float
    kind: Kind
    number: int = 0
    events: int = 0
    key: bool = False
    retries: int = 0
    value: int = 0
    how: str = ""
    patience: float = PATIENCE_SECONDS
    fate: Fate = ""
    fate_call: int = 0

    def __str__(self) -> str:
        """One line of a history."""
        unit = "hundredths of a second" if self.kind == "load" else "calls"
        fate = f"; it is {self.fate} after {self.fate_call} {unit}" if self.fate else ""
        cut = f", cut after {self.patience:.3f} s" if self.patience < PATIENCE_SECONDS else ""
        key = "with" if self.key else "without"
        said = {
            "post": f"post {self.events} events from number {self.number}, {key} a key, {self.retries} retries{cut}",
            "poison": f"{self.events} records that are not events, from number {self.number}",
            "reshard": f"the stream gets {self.value} shards" if self.how == "count" else f"{self.how} a shard",
            "clock": f"the wall clock steps by {self.value} s",
            "load": f"load two files of {self.events} events from number {self.number}{fate}",
            "crash": f"the process is killed, and started again after {self.value} s",
            "standstill": f"the reader for the {self.how} gets nothing for {self.value / 3600:.0f} h",
        }
        commanded = f"{self.kind}{fate}" if self.kind in ("replay", "drain", "compact") else None
        return said.get(self.kind) or commanded or f"{self.kind} for {self.value} s"


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
            action = _post(source, begin + source.uniform(0, length), number)
            actions.append(action)
            number += action.events
        for kind, chance, values in OPERATIONS:
            if source.random() < chance:
                happening = _operations(source, kind, begin + source.uniform(0, length + 600), number, values)
                actions += happening
                number += 2 * happening[0].events
    if source.random() < STANDSTILL:
        at, reader = source.uniform(0, 3600), source.choice(("table", "lake"))
        actions.append(Action(at, "standstill", number, value=source.choice((26, 30)) * 3600, how=reader))
    return sorted(actions, key=lambda action: (action.at, action.number))


def _post(source: random.Random, at: float, number: int) -> Action:
    patience = source.choice((0.01, 0.2, 1.0)) if source.random() < 0.1 else PATIENCE_SECONDS
    events = source.choice((1, 1, 2, 7, 30))
    return Action(
        at, "post", number, events, key=source.random() < 0.5, retries=source.choice((0, 2, 6)), patience=patience
    )


def _operations(source: random.Random, kind: Kind, at: float, number: int, values: tuple[int, ...]) -> list[Action]:
    """What comes of one draw: often one action; of commands sometimes two, by two operators."""
    value = source.choice(values)
    at += source.uniform(0, LATER.get(kind, 0.0))
    match kind:
        case "poison":
            return [Action(at, kind, number, value)]
        case "reshard":
            count = 12 if source.random() < 0.1 else 1  # more than ten a day
            how = [source.choice(HOW) for _ in range(count)]
            return [Action(at + 40.0 * n, kind, number, value=value, how=each) for n, each in enumerate(how)]
        case "load":
            first = _commanded(source, at, kind, number, value)
            again = first.at + first.fate_call / 100 + source.uniform(1, 400)
            return [first, Action(again, kind, number, value)] if first.fate == "killed" else [first]
        case "replay" | "drain" | "compact":
            first = _commanded(source, at, kind, number)
            second = _commanded(source, at + source.choice((0.0, 0.5, 150.0)), kind, number)
            return [first, second] if source.random() < 0.4 else [first]
        case _:
            return [Action(at, kind, number, value=value)]


def _commanded(source: random.Random, at: float, kind: Kind, number: int, events: int = 0) -> Action:
    fate: Fate = source.choice(("", "", "killed", "suspended" if kind != "load" else "killed"))
    after = source.randint(1, source.choice((20, 80, 300)))
    lasts = source.choice((30, 120, 400)) if fate == "suspended" else 0
    return Action(at, kind, number, events, value=lasts, fate=fate, fate_call=after)
