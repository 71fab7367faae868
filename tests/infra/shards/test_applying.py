"""A plan carried out against the local Kinesis: every step, every reason to stop, and going on after that."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.shards.applying import MAX_PLAN_AGE_SECONDS, Application
from infra.shards.errors import MetricsMissing, ScalingsUsedUp, ShardsError, StalePlan, Stopped, StreamBusy
from infra.shards.journal import Journal
from infra.shards.limits import HASH_KEYS
from infra.shards.load import Load, reload
from infra.shards.plan import Bounds, Plan
from infra.shards.planning import make_plan
from infra.shards.report import Clients
from infra.shards.steps import Step
from infra.shards.stream import read_stream
from infra.shards.watching import Watch
from tests.clock import FakeClock
from tests.infra.shards.conftest import STREAM, put_datum, shard_count

PLAN_ID = "0123456789ab"
Apply = Callable[..., Application]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "plan.json.journal.jsonl")


@pytest.fixture
def application(clients: Clients, clock: FakeClock, journal: Journal) -> Apply:
    """Makes applications of plans; CloudWatch need not know an iterator age unless the test says so."""

    def make(plan: Plan, *, needs_age: bool = False) -> Application:
        watch = Watch(clients.cloudwatch, STREAM, "spillway-dev", needs_age=needs_age)
        return Application(clients, plan, PLAN_ID, journal, watch, by="arn:someone", clock=clock)

    return make


def planned(clients: Clients, clock: FakeClock, records_per_second: float, **bounds: Any) -> Plan:
    """A plan for a load spread evenly over the stream as it is."""
    stream = read_stream(clients.kinesis, STREAM, now=clock.time())
    loaded = replace(stream, shards=reload(stream.shards, Load(records_per_second * 200, records_per_second)))
    return make_plan(loaded, Bounds(**bounds), now=clock.time())


def happenings(journal: Journal) -> list[tuple[int, str]]:
    return [(entry.step, entry.happening) for entry in journal.entries(PLAN_ID)]


def test_every_step_is_taken_waited_for_and_noted(clients, clock, application, journal):
    plan = planned(clients, clock, 5_000)
    began = clock.time()
    application(plan).run()
    assert shard_count(clients) == 10
    assert happenings(journal) == [(1, "begun"), (1, "done"), (2, "begun"), (2, "done"), (3, "begun"), (3, "done")]
    first = journal.entries(PLAN_ID)[0]
    assert (first.what, first.by, first.stream, first.shards) == ("scale 2 to 4 shards", "arn:someone", STREAM, 2)
    assert clock.time() - began >= 2 * 60 + 3 * 10, "a minute between steps, ten seconds of UPDATING each"
    stream = read_stream(clients.kinesis, STREAM, now=clock.time())
    assert len(stream.scalings) == 3
    assert stream.last_step_at is not None


def test_splits_and_merges_are_of_the_shards_with_those_ranges(clients, clock, application, journal):
    shards = read_stream(clients.kinesis, STREAM, now=clock.time()).shards
    lower = (shards[0].start, shards[0].end)
    at = lower[1] // 4
    pieces = (0, at - 1), (at, lower[1])
    steps = (Step("split", 2, 3, (lower,), at, ("shardId-000000000000",)), Step("merge", 3, 2, pieces))
    application(replace(planned(clients, clock, 900), steps=steps)).run()
    after = read_stream(clients.kinesis, STREAM, now=clock.time())
    assert [(s.start, s.end) for s in after.shards] == [lower, (shards[1].start, HASH_KEYS - 1)]
    assert after.scalings == (), "splits and merges are not among the ten"
    assert journal.entries(PLAN_ID)[0].detail == f"NewStartingHashKey {at}"


def test_a_plan_that_is_done_is_not_done_twice(clients, clock, application, journal):
    plan = planned(clients, clock, 2_000)
    application(plan).run()
    lines = len(journal.entries(PLAN_ID))
    application(plan).run()
    assert application(plan).next_step is None
    assert len(journal.entries(PLAN_ID)) == lines
    assert shard_count(clients) == 4


@pytest.mark.parametrize("call", ["UpdateShardCount", "DescribeStreamSummary"], ids=["before the call", "after it"])
def test_a_killed_process_is_taken_up_where_it_stopped(clients, clock, application, journal, call):
    plan = planned(clients, clock, 5_000)
    seen: list[int] = []

    def kill(**_: object) -> None:
        begun = [entry for entry in journal.entries(PLAN_ID) if (entry.step, entry.happening) == (2, "begun")]
        if begun and not seen:
            seen.append(1)
            raise KeyboardInterrupt

    clients.kinesis.meta.events.register(f"before-call.kinesis.{call}", kill)
    with pytest.raises(KeyboardInterrupt):
        application(plan).run()
    assert happenings(journal)[-1] == (2, "begun")
    application(plan).run()
    assert shard_count(clients) == 10
    assert [step for step, happening in happenings(journal) if happening == "done"] == [1, 2, 3]


def test_a_line_that_a_kill_cut_short_is_passed_over(clients, clock, application, journal):
    plan = planned(clients, clock, 2_000)
    application(plan).run()
    with journal.path.open("a") as file:
        file.write('{"at": "2026-')
    assert application(plan).next_step is None


def test_an_old_plan_is_refused(clients, clock, application):
    plan = planned(clients, clock, 5_000)
    clock.advance(MAX_PLAN_AGE_SECONDS + 1)
    refused(StalePlan, "6 h old", clients, application(plan))


def test_a_plan_for_other_shards_is_refused(clients, clock, application):
    plan = planned(clients, clock, 5_000)
    clients.kinesis.update_shard_count(StreamName=STREAM, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    clock.advance(60)
    refused(StalePlan, r"\(3\) are not the 2 that", clients, application(plan), shards=3)


def test_a_stream_that_is_updating_is_refused(clients, clock, application):
    plan = planned(clients, clock, 5_000)
    clients.kinesis.increase_stream_retention_period(StreamName=STREAM, RetentionPeriodHours=48)
    refused(StreamBusy, "is UPDATING: try again", clients, application(plan))


def test_used_up_changes_are_refused_with_the_time_of_the_next(clients, clock, application):
    for count in (3, 2) * 5:
        application(planned(clients, clock, 1, minimum=count, maximum=count)).run()
        application_journal = application(planned(clients, clock, 1))._journal
        application_journal.path.unlink(missing_ok=True)
    refused(ScalingsUsedUp, "used up; the next is allowed at", clients, application(planned(clients, clock, 5_000)))


def test_changes_used_up_by_others_are_refused_by_aws_and_said_in_one_line(clients, clock, application, journal):
    for count in (3, 2) * 5:
        clients.kinesis.update_shard_count(StreamName=STREAM, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        clock.advance(60)
    refused(
        ScalingsUsedUp, "changes of the last 24 hours are used up", clients, application(planned(clients, clock, 1_500))
    )
    assert happenings(journal)[-1] == (1, "stopped")


def test_without_an_iterator_age_nothing_is_begun(clients, clock, application, journal):
    plan = planned(clients, clock, 5_000)
    refused(MetricsMissing, "--without-age", clients, application(plan, needs_age=True))
    assert journal.entries(PLAN_ID) == []


def test_readers_that_fall_behind_stop_the_plan_and_it_goes_on_later(clients, clock, application, journal, put_age):
    put_age(1_000)
    plan = planned(clients, clock, 5_000)
    behind(clients, clock, 700_000)
    with pytest.raises(Stopped, match=r"readers are 700 s behind, over the 600 s"):
        application(plan, needs_age=True).run()
    assert shard_count(clients) == 4
    assert happenings(journal)[-1] == (1, "stopped")
    clock.advance(1_200)
    put_age(0)
    application(plan, needs_age=True).run()
    assert shard_count(clients) == 10


def behind(clients: Clients, clock: FakeClock, age_ms: float) -> None:
    """Let readers fall behind once the first step is taken."""

    def fall_behind(**_: object) -> None:
        clients.kinesis.meta.events.unregister("before-call.kinesis.UpdateShardCount", fall_behind)
        put_datum(clients.cloudwatch, "GetRecords.IteratorAgeMilliseconds", age_ms, clock.time() + 1)

    clients.kinesis.meta.events.register_first("before-call.kinesis.UpdateShardCount", fall_behind)


def test_an_alarm_that_goes_off_stops_the_plan(clients, clock, application):
    alarm(clients, "spillway-dev-table-writer-errors", "OK")
    alarm(clients, "spillway-dev-stream-throttled", "ALARM")  # why the plan was made: it does not stop it
    alarm(clients, "other-team", "OK")

    def ring(**_: object) -> None:
        alarm(clients, "other-team", "ALARM")
        alarm(clients, "spillway-dev-table-writer-errors", "ALARM")

    clients.kinesis.meta.events.register("before-call.kinesis.UpdateShardCount", ring)
    with pytest.raises(Stopped, match="the alarm spillway-dev-table-writer-errors went off"):
        application(planned(clients, clock, 5_000)).run()
    assert shard_count(clients) == 4


def alarm(clients: Clients, name: str, state: str) -> None:
    clients.cloudwatch.put_metric_alarm(
        AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, MetricName="m", Namespace="n"
    )
    clients.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def test_records_refused_after_shards_were_taken_away_stop_the_plan(clients, clock, application):
    application(planned(clients, clock, 1, minimum=8)).run()
    application(planned(clients, clock, 1))._journal.path.unlink()

    def refuse(**_: object) -> None:
        put_datum(clients.cloudwatch, "WriteProvisionedThroughputExceeded", 42, clock.time() + 61)

    clients.kinesis.meta.events.register_first("before-call.kinesis.UpdateShardCount", refuse)
    with pytest.raises(Stopped, match="records were refused since shards were taken away: 42"):
        application(planned(clients, clock, 100)).run()
    assert shard_count(clients) == 4


def test_somebody_else_at_work_is_noticed(clients, clock, application):
    plan = planned(clients, clock, 5_000)

    def interfere(**_: object) -> None:
        if clock.time() > plan.made_at + 60 and shard_count(clients) == 4:
            clients.kinesis.split_shard(StreamName=STREAM, **half_of_the_first(clients))

    clients.cloudwatch.meta.events.register("before-call.cloudwatch.DescribeAlarms", interfere)
    with pytest.raises((StalePlan, StreamBusy)):
        application(plan).run()
    assert shard_count(clients) == 5


def half_of_the_first(clients: Clients) -> dict[str, str]:
    [first, *_] = clients.kinesis.list_shards(StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    keys = first["HashKeyRange"]
    middle = (int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])) // 2
    return {"ShardToSplit": first["ShardId"], "NewStartingHashKey": str(middle)}


def test_the_journal_holds_one_json_object_a_line(clients, clock, application, journal):
    application(planned(clients, clock, 2_000)).run()
    for line in journal.path.read_text().splitlines():
        entry = json.loads(line)
        assert {"at", "by", "plan", "stream", "step", "happening", "what", "shards", "detail"} == set(entry)


def refused(
    error: type[ShardsError], message: str, clients: Clients, application: Application, shards: int = 2
) -> None:
    """The plan is refused with this error, in one line, and the stream is as it was."""
    with pytest.raises(error, match=message) as caught:
        application.run()
    assert "\n" not in str(caught.value)
    assert shard_count(clients) == shards
