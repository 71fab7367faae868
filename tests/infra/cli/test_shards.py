"""`spillway shards` as it is typed: what it prints, and one clear line for each failure."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from infra.cli.context import CommandError
from infra.cli.main import spillway
from infra.local.aws import kinesis as local_kinesis
from tests.aws_errors import aws_error

STREAM = "spillway-dev-events"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def stream(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stream of two shards, and a session of its own for each test's hooks."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session())
    with local_kinesis.installed("off"):
        boto3.client("kinesis").create_stream(StreamName=STREAM, ShardCount=2)
        yield


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(spillway, ["--env", "dev", "shards", *arguments], input=stdin)


def output(*arguments: str, stdin: str = "") -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def refused(*arguments: str) -> str:
    """The one line a command fails with; the stream is as it was."""
    before = shard_ids()
    result = run(*arguments)
    assert isinstance(result.exception, CommandError), result.output
    line = str(result.exception)
    assert "\n" not in line
    assert shard_ids() == before
    return line


def shard_ids() -> list[str]:
    return [shard.shard_id for shard in local_kinesis.find_stream(STREAM, "eu-west-2").log.all_shards()]


def put(keys: list[str]) -> None:
    kinesis: Any = boto3.client("kinesis")
    records = [{"Data": b"x" * 100, "PartitionKey": key} for key in keys]
    kinesis.put_records(StreamName=STREAM, Records=records)


def a_plan(tmp_path: Path, *arguments: str) -> str:
    file = tmp_path / "plan.json"
    output("plan", "--peak", "4000", "--event-bytes", "300", "--out", str(file), *arguments)
    return str(file)


def test_the_report_shows_a_bar_and_the_hot_key(tmp_path):
    put(["customer-4711"] * 300 + [f"key-{n}" for n in range(50)])
    png = tmp_path / "report.png"
    shown = output("report", "--png", str(png))
    assert "000001   8000-ffff  50%" in shown
    assert "▏" in shown
    assert "key 'customer-4711' fills" in shown
    assert png.read_bytes().startswith(PNG)


def test_the_report_as_json_has_every_shard_and_key():
    put(["customer-4711"] * 300)
    found = json.loads(output("report", "--json"))
    assert [shard["shard_id"] for shard in found["shards"]] == shard_ids()
    assert sum(shard["share_of_keys"] for shard in found["shards"]) == pytest.approx(1)
    keys = [key["partition_key"] for shard in found["shards"] for key in shard["hot_keys"]]
    assert keys == ["customer-4711"]
    assert found["readers"] == []


def test_a_plan_shows_steps_and_costs_and_is_kept(tmp_path):
    file = tmp_path / "plan.json"
    shown = output("plan", "--peak", "4000", "--event-bytes", "300", "--out", str(file))
    assert "scale 2 to 4 shards" in shown
    assert "on-demand $" in shown
    assert f"shards apply {file}" in shown
    assert json.loads(file.read_text())["shards_after"] == 7


def test_aggregation_needs_fewer_shards():
    whole = json.loads(output("plan", "--peak", "50000", "--event-bytes", "300", "--json"))
    packed = json.loads(
        output("plan", "--peak", "50000", "--event-bytes", "300", "--events-per-record", "100", "--json")
    )
    assert packed["shards_after"] < whole["shards_after"] / 3


def test_apply_asks_first_and_no_changes_nothing(tmp_path):
    plan = a_plan(tmp_path)
    shown = output("apply", plan, stdin="n\n")
    assert "1. scale 2 to 4 shards" in shown
    assert "nothing was changed" in shown
    assert len(shard_ids()) == 2
    assert not Path(plan + ".journal.jsonl").exists()


def test_apply_carries_a_plan_out_and_keeps_a_journal(tmp_path):
    plan = a_plan(tmp_path)
    shown = json.loads(output("apply", plan, "--yes", "--settle", "0", "--without-age", "--json").splitlines()[-1])
    assert (shown["shards_before"], shown["shards_after"]) == (2, 7)
    lines = Path(shown["journal"]).read_text().splitlines()
    assert [json.loads(line)["happening"] for line in lines] == ["begun", "done"] * 2
    assert "nothing is left to do" in output("apply", plan, "--yes")


def test_a_simulation_is_shown_and_drawn(tmp_path):
    png = tmp_path / "step.png"
    shown = output("simulate", "--trace", "step", "--png", str(png))
    assert "throttled 0." in shown
    assert png.read_bytes().startswith(PNG)
    found = json.loads(output("simulate", "--trace", "step", "--json"))
    assert found["most"] == 7


def test_a_simulation_reads_csv(tmp_path):
    file = tmp_path / "trace.csv"
    rows = [f"{minute},{1_500 if minute > 5 else 100},200000" for minute in range(30)]
    file.write_text("minute,records_per_second,bytes_per_second\n" + "\n".join(rows))
    found = json.loads(output("simulate", "--csv", str(file), "--shards", "1", "--json"))
    assert found["shards_at_the_end"] == 3


def test_an_on_demand_stream_is_not_planned_for():
    arn = boto3.client("kinesis").describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    boto3.client("kinesis").update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert "is on demand: AWS sets its shards" in refused("plan", "--peak", "9", "--event-bytes", "9")
    assert "on-demand" in output("report")


def test_a_stream_that_is_updating_is_not_planned_for(tmp_path):
    plan = a_plan(tmp_path)
    local_kinesis.install("off", update_seconds=600)
    boto3.client("kinesis").increase_stream_retention_period(StreamName=STREAM, RetentionPeriodHours=48)
    assert "is UPDATING: try again" in refused("plan", "--peak", "9", "--event-bytes", "9")
    assert "is UPDATING: try again" in refused("apply", plan, "--yes", "--without-age")
    assert "UPDATING" in output("report")


def test_a_quota_that_is_reached_is_said_with_its_number():
    def shrink(parsed: dict[str, Any], **_: object) -> None:
        parsed.update({"ShardLimit": 6, "OpenShardCount": 3})

    boto3._get_default_session().events.register("after-call.kinesis.DescribeLimits", shrink)
    line = refused("plan", "--peak", "4000", "--event-bytes", "300")
    assert "the account's quota of 6 leaves 5; ask for more at Service Quotas" in line


def test_used_up_changes_are_said_with_the_time_of_the_next(tmp_path):
    for number in range(5):
        for count in (3, 2):
            name = tmp_path / f"{number}-{count}.json"
            limits = ("--min", str(count), "--max", str(count))
            output("plan", "--peak", "1", "--event-bytes", "9", *limits, "--out", str(name))
            output("apply", str(name), "--yes", "--settle", "0", "--without-age")
    assert "its ten changes of the last 24 hours are used up; the next is allowed at" in refused(
        "apply", a_plan(tmp_path), "--yes", "--without-age"
    )


@pytest.mark.parametrize(
    ("operation", "command"),
    [
        ("kinesis.DescribeStreamSummary", ("report",)),
        ("kinesis.ListShards", ("report",)),
        ("kinesis.GetRecords", ("report",)),
        ("kinesis.ListStreamConsumers", ("report",)),
        ("cloudwatch.GetMetricData", ("report",)),
        ("lambda.ListEventSourceMappings", ("report",)),
        ("firehose.DescribeDeliveryStream", ("report",)),
        ("kinesis.DescribeLimits", ("plan", "--peak", "9", "--event-bytes", "9")),
        ("kinesis.UpdateShardCount", ("apply", "PLAN", "--yes", "--without-age")),
        ("kinesis.AddTagsToStream", ("apply", "PLAN", "--yes", "--without-age")),
        ("cloudwatch.DescribeAlarms", ("apply", "PLAN", "--yes", "--without-age")),
    ],
)
def test_a_missing_permission_is_named(tmp_path, operation, command):
    plan = a_plan(tmp_path)
    name = operation.partition(".")[2]

    def deny(**_: object) -> None:
        raise aws_error("AccessDeniedException", message="no", operation=name)

    boto3._get_default_session().events.register(f"before-call.{operation}", deny)
    line = refused(*(plan if word == "PLAN" else word for word in command))
    assert f"not allowed to call {name}; give the role that permission" in line


def test_without_metrics_there_is_no_plan_from_metrics():
    assert "CloudWatch has no IncomingBytes of spillway-dev-events in the last 7d" in refused(
        "plan", "--from-metrics", "7d"
    )


def test_without_an_iterator_age_nothing_is_applied(tmp_path):
    assert "so nothing would show whether readers fall behind" in refused("apply", a_plan(tmp_path), "--yes")


def test_a_stream_that_is_not_there_is_said():
    result = CliRunner().invoke(spillway, ["--env", "elsewhere", "shards", "report"])
    assert isinstance(result.exception, CommandError)
    assert "stream spillway-elsewhere-events: it does not exist; is --env right?" in str(result.exception)


def test_a_file_that_is_no_plan_is_refused(tmp_path):
    for number, content in enumerate(("", "{}", "[1]", '{"version": 9}', "\x00")):
        file = tmp_path / f"{number}.json"
        file.write_text(content)
        assert "plan" in refused("apply", str(file), "--yes")


def test_a_plan_that_was_edited_is_another_plan(tmp_path):
    plan = Path(a_plan(tmp_path))
    output("apply", str(plan), "--yes", "--settle", "0", "--without-age")
    plan.write_text(plan.read_text() + " ")
    assert "not the 2 that the plan was made for" in refused("apply", str(plan), "--yes", "--without-age")


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "--peak", "9"),
        ("plan", "--event-bytes", "9"),
        ("plan", "--peak", "9", "--event-bytes", "9", "--from-metrics", "1d"),
        ("plan", "--from-metrics", "soon"),
        ("plan", "--from-metrics", "16d"),
        ("plan", "--min", "4", "--max", "2"),
        ("plan", "--target-utilisation", "0"),
        ("simulate",),
        ("simulate", "--trace", "step", "--csv", "pyproject.toml"),
        ("simulate", "--trace", "step", "--up-above", "0.5"),
    ],
)
def test_wrong_usage_exits_with_2(arguments):
    assert run(*arguments).exit_code == 2


def test_without_matplotlib_a_chart_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "infra.shards.charts", None)
    result = run("simulate", "--trace", "step", "--png", str(tmp_path / "a.png"))
    assert isinstance(result.exception, CommandError)
    assert "requirements/plots.txt" in str(result.exception)
