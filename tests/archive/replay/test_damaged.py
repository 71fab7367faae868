"""Documents of replays that are damaged: each is named, and nothing is put back on their account."""

import pytest

from archive.dead_letters.documents import DamagedDocument
from archive.dead_letters.settled_lines import settled_key
from archive.replay.run import history
from tests.archive.replay.replayed_batches import fill, here, small_batches

__all__ = ["here", "small_batches"]  # fixtures


def test_a_damaged_lease_is_named_and_nothing_is_put_back(here):
    fill(here)
    for body in (b"", b"[]", b'{"version":1,"holder":{"name":"x"},"unsettled":[]}', b"[" * 100_000):
        here.s3.put_object(Bucket=here.dead, Key="replays/lock.json", Body=body)
        with pytest.raises(DamagedDocument, match=r"replays/lock.json is damaged.*restore an earlier version"):
            here.replay()
    assert here.counts().total() == 0


def test_a_damaged_journal_is_left_out_of_the_history_and_named(here):
    fill(here)
    here.replay()
    here.s3.put_object(Bucket=here.dead, Key="replays/journals/20991231T000000Z-x.json", Body=b"{}")
    damaged: list[str] = []
    assert len(history(here.documents, on_damaged=lambda error: damaged.append(str(error)))) == 1
    assert "20991231T000000Z-x.json is damaged" in damaged[0]
    here.replay(options={"other": True})


@pytest.mark.parametrize("body", [b"x", b'{"settled":7}', b'{"total":1,"settled":[{"lines":"0-9999999999"}]}'])
def test_settled_lines_that_are_damaged_are_named(here, body):
    fill(here, objects=1)
    key = settled_key("dead-letters/dt=2026-11-23/hour=02/m0.json")
    here.s3.put_object(Bucket=here.dead, Key=key, Body=body)
    with pytest.raises(DamagedDocument, match=r"m0\.json is damaged"):
        here.replay()
    assert here.counts().total() == 0
