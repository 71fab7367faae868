"""The pipeline simulated: the same seed is the same history, promises hold, and a planted bug is found."""

import os
import subprocess
import sys

import pytest

from tests.architecture.folders import ROOT
from tests.simulation.bugs import BUGS

OF_EVERY_PART = (
    "a_checkpoint_is_kept_before_the_write",
    "firehose_keeps_its_position_before_its_object",
    "unprocessed_items_dropped",
)
CORES = str(os.cpu_count() or 1)


def simulate(*options: str, seconds: float = 280) -> tuple[int, list[str]]:
    """The exit status, and the line of each seed, or of each bug."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("seed ", "| "))]
    assert lines, done.stderr
    return done.returncode, lines


def test_the_same_seeds_are_the_same_histories_and_every_promise_holds():
    status, lines = simulate("--first", "203", "--seeds", "3", "--jobs", CORES)
    assert status == 0, lines
    assert len(lines) == 3
    assert simulate("--first", "203", "--seeds", "3", "--jobs", "1") == (0, lines)


def test_every_promise_holds_in_a_minute_of_seeds():
    """The same seeds in every run; `make simulate` runs new ones, every night as well."""
    status, lines = simulate("--first", "206", "--seeds", "6", "--minutes", "1", "--jobs", CORES)
    assert status == 0, "\n".join(line for line in lines if "ok" not in line)


def test_a_planted_bug_is_found():
    status, lines = simulate("--first", "1000", "--seeds", "10", "--bug", "unprocessed_items_dropped", "--jobs", CORES)
    assert status == 1
    assert "is ahead of" in lines[-1]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_bugs_of_every_kind_are_found():
    """A bug of each part; `python -m tests.simulation --hunt` plants all, and docs/reliability.md has its table."""
    options = ("--hunt", "--first", "1000", "--seeds", "2000", "--jobs", CORES, "--bugs", *OF_EVERY_PART)
    status, lines = simulate(*options, seconds=1000)
    assert status == 0, lines
    assert len(lines) == len(OF_EVERY_PART)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_more_seeds_are_the_same_histories_twice():
    """Twenty; SEEDS=100 for more."""
    seeds = os.environ.get("SEEDS", "20")
    options = ("--first", "5000", "--seeds", seeds, "--minutes", "12", "--jobs", CORES)
    first = simulate(*options, seconds=700)
    assert len(first[1]) == int(seeds)
    assert simulate(*options, seconds=700) == first


def test_there_are_at_least_25_bugs_to_plant():
    assert len(BUGS) >= 25
