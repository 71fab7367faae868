"""Replays that are killed, at any moment, and run again: every event is put back once."""

import random
from collections import Counter

import boto3
import pytest

from archive.replay.in_doubt import OutOfReach
from archive.replay.journal import FINISHED
from archive.replay.lock import LEASE_SECONDS, ReplayUnderWay
from tests.archive.replay.replay_under_test import Killed, ReplayUnderTest, Trap, a_letter
from tests.archive.replay.replayed_batches import fill, here, small_batches

__all__ = ["here", "small_batches"]  # fixtures


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_killed_at_any_call_and_run_again_every_event_is_put_back_once(here, before):
    fill(here)
    whole = Trap()
    here.replay(whole)
    for at in range(whole.calls):
        other = ReplayUnderTest(f"-{at}")
        everything = fill(other)
        with pytest.raises(Killed):
            other.replay(Trap(at, before=before))
        other.replay()
        assert other.counts() == everything, f"killed at call {at}"
        assert sum(record.put_back for record in other.journals()) == 9, f"killed at call {at}"


@pytest.mark.parametrize("seed", range(12))
def test_killed_again_and_again_every_event_is_put_back_once(here, seed):
    chance = random.Random(seed)
    everything = fill(here, objects=4, each=4)
    for _ in range(6):
        try:
            here.replay(Trap(chance.randrange(45), before=chance.random() < 0.5))
        except Killed:
            continue
        break
    record, _ = here.replay(options={"last": True})
    assert here.counts() == everything
    assert sum(each.put_back for each in here.journals()) == 16
    assert all(each.intent is None for each in here.journals())
    assert record.state == FINISHED


def test_raw_bytes_are_put_back_once_too(here):
    here.archive("m", *(a_letter(n, data=b"poison %d" % n) for n in range(6)))
    for at in (9, 13, 15):
        with pytest.raises(Killed):
            here.replay(Trap(at), raw=True)
    here.replay(raw=True)
    assert here.counts() == Counter({f"poison {n}": 1 for n in range(6)})


def test_a_lease_on_another_machine_is_taken_over_when_it_has_run_out(here):
    everything = fill(here)
    with pytest.raises(Killed):
        here.replay(Trap(14))
    lock = here.s3.get_object(Bucket=here.dead, Key="replays/lock.json")["Body"].read()
    here.s3.put_object(
        Bucket=here.dead, Key="replays/lock.json", Body=lock.replace(b'"host"', b'"far"').replace(b'"far":', b'"host":')
    )
    with pytest.raises(ReplayUnderWay, match="takes over after"):
        here.replay()
    here.clock.advance(LEASE_SECONDS)
    here.replay()
    assert here.counts() == everything


def test_the_operator_is_asked_for_what_the_stream_no_longer_shows(here):
    fill(here)
    trap = Trap(after_put(), before=False)
    with pytest.raises(Killed):
        here.replay(trap)
    here.clock.advance(25 * 3600)
    with pytest.raises(OutOfReach, match="--in-doubt"):
        here.replay()
    here.replay(on_doubt="done")
    assert set(here.counts().values()) == {1}


def after_put() -> int:
    """The number of the first PutRecords among the calls of a replay."""
    twin = ReplayUnderTest("-twin")
    fill(twin)
    seen: list[int] = []
    trap = Trap()
    client = boto3.client("kinesis")
    client.meta.events.register_last("before-call.kinesis.PutRecords", lambda **_: seen.append(trap.calls - 1))
    twin.replay(trap, kinesis=client)
    return seen[0]
