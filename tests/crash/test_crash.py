"""`kill -9` at every named point of the store and at random moments: nothing accepted is lost, no row is doubled.

    pytest tests/crash                     # 10 kills
    pytest tests/crash -m slow             # 20 kills; KILLS=200 for more
    SEED=7 pytest tests/crash              # the same kills again

The traffic: singles, batches, poison, replays of it, resharding, and compaction of an hour that is over.
"""

import os
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.store.crash_points import CrashPoint
from tests.crash import held
from tests.crash.arriving import audit, wait_until_settled
from tests.crash.running import Ledger, send_until_dead, start

RANDOM = ""
RUN_SECONDS = 4.0
# Reached only when records expire, which takes a day of the stream's clock.
NEEDS_A_DAY = {CrashPoint.EXPIRED_DELETED}


def plan(kills: int, seed: int) -> list[str]:
    """Where each run is killed: every named point at least once where there are runs enough, the others at random."""
    chance = random.Random(seed)
    points = [f"{point}:{chance.randrange(1, 6)}" for point in CrashPoint if point not in NEEDS_A_DAY]
    chance.shuffle(points)
    if kills <= len(points):
        return [*points[: kills - 2], RANDOM, RANDOM]
    return points + [RANDOM if n % 2 else chance.choice(points) for n in range(kills - len(points))]


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(10, marks=pytest.mark.timeout(1200)),
        pytest.param(int(os.environ.get("KILLS") or 20), marks=[pytest.mark.slow, pytest.mark.timeout(3000)]),
    ],
)
def test_killed_at_any_moment_it_keeps_what_it_accepted(tmp_path: Path, kills: int) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    data, ledger, chance = tmp_path / "data", Ledger(), random.Random(seed)
    for number, crash_at in enumerate(plan(kills, seed)):
        what = f"SEED={seed}, run {number}, killed at {crash_at or 'a random moment'}"
        running = start(data, tmp_path, crash_at)
        if running is not None:
            seconds = RUN_SECONDS if crash_at else chance.uniform(0.2, RUN_SECONDS)
            send_until_dead(running, ledger, seed + number, seconds=seconds)
        found = held.read(data)
        assert found.problems == [], what
        assert ledger.keys - found.on_stream.keys() == set(), f"{what}: accepted, and not on the stream"
        assert list(found.ahead()) == [], what
        give_compaction_work(data)
    settled = start(data, tmp_path)
    assert settled is not None
    try:
        found = wait_until_settled(data)
        audited = audit(settled)
    finally:
        settled.kill()
    assert audited.returncode == 0, f"SEED={seed}: {audited.stdout}{audited.stderr}"
    assert ledger.keys <= found.rows, f"SEED={seed}: accepted, and not in the table"
    assert {request_id for _, request_id in ledger.keys} <= found.in_lake, f"SEED={seed}: accepted, and not in the lake"
    assert found.rows == found.on_stream.keys(), f"SEED={seed}: rows of no record, or the other way round"


def give_compaction_work(data: Path) -> None:
    """Copy a file of the lake into the hour before, which is over; the next start takes it in as an object."""
    before = f"{datetime.now(UTC) - timedelta(hours=1):dt=%Y-%m-%d/hour=%H}"
    for file in sorted(data.glob("buckets/*lake*/events/*/*/*.parquet")):
        copy = file.parents[2] / before / file.name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
            return
