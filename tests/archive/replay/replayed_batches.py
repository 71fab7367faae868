"""Many dead letters, replayed in small batches."""

from collections import Counter

import pytest

from archive.replay import batches as replay_module
from infra.local.aws import kinesis
from tests.archive.replay.replay_under_test import ReplayUnderTest, a_letter, request_id


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(replay_module, "BATCH_EVENTS", 3)


@pytest.fixture
def here(aws):
    with kinesis.installed("off"):
        yield ReplayUnderTest()


def fill(here: ReplayUnderTest, objects: int = 3, each: int = 3) -> Counter[str]:
    """Archive dead letters; what must be on the stream once they are put back."""
    for number in range(objects):
        here.archive(f"m{number}", *(a_letter(number * each + n) for n in range(each)))
    return Counter({request_id(number): 1 for number in range(objects * each)})
