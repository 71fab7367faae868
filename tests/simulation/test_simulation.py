"""The pipeline simulated: the same seed is the same history, promises hold, and a planted bug is found."""

import subprocess
import sys

from tests.architecture.folders import ROOT


def simulate(*options: str) -> tuple[int, list[str]]:
    """The exit status, and the line of each seed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if line.startswith("seed ")]


def test_the_same_seeds_are_the_same_histories_and_every_promise_holds():
    status, lines = simulate("--first", "200", "--seeds", "4", "--jobs", "2")
    assert status == 0, lines
    assert len(lines) == 4
    assert simulate("--first", "200", "--seeds", "4", "--jobs", "1") == (0, lines)


def test_a_planted_bug_is_found():
    status, lines = simulate("--first", "202", "--seeds", "3", "--bug", "unprocessed_items_dropped")
    assert status == 1
    assert "in neither table nor dead letter" in lines[-1]
