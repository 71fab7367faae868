"""Putting back what failed: once, whenever the process is killed."""

import os
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from archive.dead_letters.failures import read_dead_letter
from archive.dead_letters.settled_lines import SettledLines, settled_key
from archive.replay.editing import edit_of
from archive.replay.journal import FINISHED, STOPPED, from_runs, to_runs
from archive.replay.lock import ReplayUnderWay
from archive.replay.rate import Rate
from archive.replay.settling import ReplayStopped
from producers.event import encode
from producers.replay_mark import ReplayMark
from tests.archive.dead_letters.error_objects import processing_failed
from tests.archive.replay.replay_under_test import SELECTION, ReplayUnderTest, a_letter, request_id
from tests.archive.replay.replayed_batches import fill, here, small_batches
from tests.aws_errors import aws_error
from tests.events import an_event

__all__ = ["here", "small_batches"]  # fixtures


def settled(here: ReplayUnderTest, key: str) -> set[int]:
    return SettledLines.from_json(here.s3.get_object(Bucket=here.dead, Key=settled_key(key))["Body"].read()).lines()


def test_every_event_is_put_back_once_under_its_own_key_and_for_the_table_alone(here):
    everything = fill(here)
    record, tally = here.replay()
    assert here.counts() == everything
    assert {event.replay.bound for event in here.events() if event.replay} == {"table"}
    assert sorted(event.timestamp for event in here.events())[4] == an_event("1", 4).timestamp
    assert (record.state, record.put_back, tally.put_back, record.intent) == (FINISHED, 9, 9, None)


def test_a_further_replay_puts_nothing_back(here):
    everything = fill(here)
    here.replay()
    record, _ = here.replay(options={"other": True}, selection=replace(SELECTION, stages=("table_writer",)))
    assert here.counts() == everything
    assert (record.put_back, len(here.journals())) == (0, 2)


def test_what_was_put_back_is_put_back_again_only_when_asked(here):
    fill(here)
    here.replay()
    record, _ = here.replay(again=True, options={"again": True})
    assert record.put_back == 9
    assert set(here.counts().values()) == {2}


def test_failures_of_both_ways_go_each_to_its_own_place(here):
    here.archive("m", a_letter(1), a_letter(2, stage="unknown"))
    key = "firehose-errors/processing-failed/dt=2026-11-23/hour=02/x"
    here.s3.put_object(
        Bucket=here.lake, Key=key, Body=processing_failed(encode(an_event("3", 3)), 1795401299000) + b"\n"
    )
    _, tally = here.replay()
    bound = {event.request_id: event.replay and event.replay.bound for event in here.events()}
    assert bound == {request_id(1): "table", request_id(2): None, request_id(3): "lake"}
    assert tally.bound == {"table": 1, "lake": 1, "table and lake": 1}


def test_records_that_still_fail_are_kept_and_reported(here):
    too_large = f'"{"x" * 410_000}"'
    lost = a_letter(3, data=b"")
    key = here.archive("m", a_letter(0), a_letter(1, data=b"poison"), a_letter(2, too_large), replace(lost, data=None))
    record, tally = here.replay()
    assert here.counts() == {request_id(0): 1}
    assert record.left == {"still failing": 2, "lost": 1}
    assert [left.name for left in tally.examples] == [f"{key}#1", f"{key}#2", f"{key}#3"]
    assert settled(here, key) == {0}


def test_what_was_put_back_three_times_needs_force_and_counts_on(here):
    marked = encode(an_event("1", 1, replay=ReplayMark("table", 3, "old/1")))
    here.archive("m", a_letter(1, data=marked, replays=3), a_letter(2, replays=2))
    record, _ = here.replay()
    assert record.left == {"put back too often": 1}
    assert [event.replay.count for event in here.events() if event.replay] == [3]
    here.replay(force=True, options={"force": True})
    assert sorted(event.replay.count for event in here.events() if event.replay) == [3, 4]


def test_what_the_table_writer_would_let_pass_is_not_put_back_for_it(here):
    marked = encode(an_event("1", 1, replay=ReplayMark("lake", 1, "old/1")))
    here.archive("m", a_letter(1, data=marked))
    record, _ = here.replay()
    assert (record.put_back, record.left) == (0, {"nothing to do": 1})


def test_edited_events_are_put_back_and_discarded_ones_are_settled(here):
    pytest.importorskip("jq")
    key = here.archive("m", *(a_letter(n) for n in range(6)))
    record, _ = here.replay(edit=edit_of(jq="select(.payload.n < 4) | .payload.n += 10"))
    assert sorted(event.payload.text for event in here.events()) == [f'{{"n":{n + 10}}}' for n in range(4)]
    assert (record.put_back, record.discarded) == (4, 2)
    assert settled(here, key) == set(range(6))


def test_poison_is_put_back_edited_or_raw_and_raw_only_from_its_dead_letter(here):
    here.archive("m", a_letter(0, data=b"poison"), a_letter(1))
    error = "firehose-errors/processing-failed/dt=2026-11-23/hour=02/x"
    here.s3.put_object(Bucket=here.lake, Key=error, Body=processing_failed(b"poison", 1795401299000))
    record, _ = here.replay(raw=True)
    assert here.counts() == {"poison": 1}
    assert (record.put_back, record.left) == (1, {"not as raw bytes": 2})


def test_bytes_left_in_a_claim_are_fetched(here):
    here.s3.put_object(Bucket=here.dead, Key="claims/x", Body=encode(an_event("1", 5)))
    here.archive("m", replace(a_letter(5), data=None, data_ref="s3://dead/claims/x"))
    here.replay()
    assert here.counts() == {request_id(5): 1}


class LosingAnswers:
    """A Kinesis whose first answers are lost, with or without an effect of the calls."""

    def __init__(self, client: Any, *effects: bool) -> None:
        self._client = client
        self._effects = list(effects)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_records(self, **call: Any) -> Any:
        effect = self._effects.pop(0) if self._effects else None
        if effect is not False:
            answer = self._client.put_records(**call)
        if effect is None:
            return answer
        raise ReadTimeoutError(endpoint_url="https://kinesis")


@pytest.mark.parametrize("effects", [(True,), (False,), (False, True), (True, False, True)])
def test_an_answer_that_is_lost_puts_nothing_back_twice(here, effects):
    everything = fill(here)
    here.replay(kinesis=LosingAnswers(boto3.client("kinesis"), *effects))
    assert here.counts() == everything


class Throttling(LosingAnswers):
    """A Kinesis that throttles every other record of its first calls."""

    def __init__(self, client: Any, calls: int) -> None:
        super().__init__(client)
        self._calls = calls

    def put_records(self, **call: Any) -> Any:
        if self._calls <= 0:
            return self._client.put_records(**call)
        self._calls -= 1
        raise aws_error("ProvisionedThroughputExceededException")


def test_throttling_is_waited_out(here):
    everything = fill(here)
    here.replay(kinesis=Throttling(boto3.client("kinesis"), 40))
    assert here.counts() == everything


def test_a_stream_that_takes_nothing_ends_the_replay_and_nothing_is_lost(here):
    everything = fill(here)
    with pytest.raises(ReplayStopped, match="ProvisionedThroughput"):
        here.replay(kinesis=Throttling(boto3.client("kinesis"), 10_000))
    (record,) = here.journals()
    assert (record.state, record.put_back) == (STOPPED, 0)
    here.replay()
    assert here.counts() == everything


def test_a_replay_keeps_to_its_rate(here):
    fill(here)
    started = here.clock.monotonic()
    here.replay(rate=Rate(events_per_second=0.5))
    assert here.clock.monotonic() - started >= 16


def test_stopped_as_asked_it_ends_after_a_batch_and_goes_on_later(here):
    everything = fill(here)
    with pytest.raises(ReplayStopped, match="as asked"):
        here.replay(stop=lambda: bool(here.on_stream()))
    assert here.counts().total() == 3
    record, _ = here.replay()
    assert here.counts() == everything
    assert (record.resumed, record.put_back, len(here.journals())) == (1, 9, 1)


def test_a_second_operator_is_refused_and_sees_who_holds_the_lease(here):
    fill(here)
    other: list[str] = []

    def stop() -> bool:
        if not other:
            try:
                here.replay(operator="bob")
            except ReplayUnderWay as refusal:
                other.append(str(refusal))
        return False

    here.pids = os.getpid() - 2**22 - 1  # a process that lives
    here.replay(stop=stop)
    assert "ann on host" in other[0]
    assert "Ctrl-C" in other[0]
    assert set(here.counts().values()) == {1}


def test_runs_of_places_keep_their_order():
    places = [("a", 1), ("a", 2), ("a", 5), ("b", 0), ("a", 3), ("a", 0)]
    assert list(from_runs(to_runs(places))) == places


def test_a_dead_letter_of_what_was_put_back_is_read_with_its_count(here):
    letter = a_letter(1, replays=2)
    assert read_dead_letter("k", 0, letter.to_json().encode()).replays == 2
