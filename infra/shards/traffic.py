"""Traffic over time, to try the planner on: built-in traces, and CSV files."""

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

from infra.shards.errors import ShardsError
from infra.shards.load import Load
from infra.shards.sampling import hash_key_of

MINUTE_SECONDS: Final = 60.0
NOISE: Final = 0.05  # share by which a minute differs from the curve
COLUMNS: Final = ("minute", "records_per_second", "bytes_per_second")
HOT_SHARE: Final = "hot_share"
HOT_KEY: Final = "customer-4711"
HOT_HASH_KEY: Final = hash_key_of(HOT_KEY)
# Events are of 200 bytes, one to a record unless the trace says otherwise.
EVENT_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """One minute of traffic.

    Args:
        at: its start in seconds.
        load: offered throughout it.
        hot_share: of the load that comes with one partition key; the rest is even.
    """

    at: float
    load: Load
    hot_share: float = 0.0


def daily_wave(minute: int) -> tuple[float, float]:
    """Two days between 300 and 3,000 records a second, highest in the evening."""
    phase = math.cos((minute / 1_440 - 20 / 24) * 2 * math.pi)
    return 1_650 + 1_350 * phase, 0.0


def flash_crowd(minute: int) -> tuple[float, float]:
    """500 records a second; after four hours ten times as many within three minutes, which fade over an hour."""
    since = minute - 240
    if since < 0:
        return 500.0, 0.0
    rise = min(1.0, (since + 1) / 3)
    return 500 + 4_500 * rise * math.exp(-max(0, since - 30) / 60), 0.0


def step(minute: int) -> tuple[float, float]:
    """1,000 records a second, four times as many from the third hour to the ninth."""
    return (4_000.0 if 180 <= minute < 540 else 1_000.0), 0.0


def skewed_keys(minute: int) -> tuple[float, float]:
    """1,000 growing to 2,500 records a second over eight hours, a quarter of them with one partition key."""
    return 1_000 + 1_500 * min(1.0, minute / 480), 0.25


def growth_to_a_million(minute: int) -> tuple[float, float]:
    """1,000 events a second growing to 1,000,000 over two days, by the same factor every hour, then steady."""
    return 1_000 * 1_000 ** min(1.0, minute / 2_880), 0.0


# By name: the curve, its minutes, and events to a record.
BUILT_IN: Final[Mapping[str, tuple[Callable[[int], tuple[float, float]], int]]] = {
    "daily-wave": (daily_wave, 2_880),
    "flash-crowd": (flash_crowd, 720),
    "step": (step, 900),
    "skewed-keys": (skewed_keys, 720),
    "growth-to-a-million": (growth_to_a_million, 3_120),
}


def built_in(name: str, random: Random) -> list[Moment]:
    """A built-in trace, with a little noise.

    Args:
        name: one of `BUILT_IN`.
        random: for the noise.
    """
    curve, minutes = BUILT_IN[name]
    trace = []
    for minute in range(minutes):
        records, hot_share = curve(minute)
        records *= 1 + random.uniform(-NOISE, NOISE)
        trace.append(Moment(minute * MINUTE_SECONDS, Load(records * EVENT_BYTES, records), hot_share))
    return trace


def read_csv(path: Path) -> list[Moment]:
    """A trace from a CSV file.

    A row is a minute; its columns are `minute`, `records_per_second`, `bytes_per_second`, and, where one key is hot,
    `hot_share` (0 to 1).

    Raises:
        ShardsError: it is not such a file; the message names the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            missing = set(COLUMNS) - set(rows.fieldnames or ())
            if missing:
                raise ShardsError(f"{path} lacks the column {min(missing)}; a trace has {', '.join(COLUMNS)}")
            trace = [_moment(path, number, row) for number, row in enumerate(rows, 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ShardsError(f"{path} cannot be read as CSV: {error}") from error
    if not trace:
        raise ShardsError(f"{path} holds no minute of traffic")
    for earlier, later in pairwise(trace):
        if later.at != earlier.at + MINUTE_SECONDS:
            raise ShardsError(f"{path}: after minute {earlier.at / 60:g} comes {later.at / 60:g}; give every minute")
    return trace


def _moment(path: Path, line: int, row: Mapping[str, str]) -> Moment:
    try:
        minute, records, size_bytes = (float(row[column]) for column in COLUMNS)
        hot_share = float(row.get(HOT_SHARE) or 0)
    except (TypeError, ValueError) as error:
        raise ShardsError(f"{path} line {line}: {error}") from error
    if not (0 <= records < math.inf and 0 <= size_bytes < math.inf and 0 <= hot_share <= 1):
        raise ShardsError(f"{path} line {line}: rates are 0 or more, hot_share is 0 to 1")
    return Moment(minute * MINUTE_SECONDS, Load(size_bytes, records), hot_share)
