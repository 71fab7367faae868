"""`spillway cost` prints the bill it reckons, for people and for programs."""

import json

import pytest
from click.testing import CliRunner

from infra.cli.main import spillway

WORK = ["cost", "--events-per-second", "100", "--event-bytes", "755"]


def ran(*arguments: str) -> str:
    result = CliRunner().invoke(spillway, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_bill_adds_up():
    report = json.loads(ran("--env", "prod", *WORK, "--json"))
    assert report["total"] == pytest.approx(sum(line["dollars"] for line in report["lines"]))
    assert report["total"] == pytest.approx(sum(report["services"].values()))
    assert report["per_million_events"] == pytest.approx(report["total"] / 262.8)
    assert report["prices"]["region"] == "us-east-1"
    assert len(report["savings"]) == 3
    assert "queue_design" not in report


def test_both_readings_of_firehose_and_all_modes_are_shown():
    report = json.loads(ran(*WORK, "--batch-size", "100", "--json"))
    assert report["firehose_by_rounding"]["event"] == pytest.approx(58.90, abs=0.01)
    assert report["firehose_by_rounding"]["record"] == pytest.approx(11.78, abs=0.01)
    assert set(report["stream_modes"]) == {"provisioned", "on-demand", "on-demand advantage"}
    assert set(report["table_modes"]) == {"provisioned", "on-demand"}


def test_both_doors_are_shown_and_the_others_for_comparison():
    doors = json.loads(ran("--env", "prod", *WORK, "--json"))["doors"]
    assert doors["REST API"] == pytest.approx(262.8 * 3.50)
    assert doors["HTTP API"] == pytest.approx(262.8)
    assert set(doors) == {"REST API", "HTTP API", "function URL", "load balancer"}
    shown = ran("--env", "prod", *WORK)
    assert "Door: HTTP API 262.80, REST API 919.80" in shown
    assert "for comparison only" in shown
    assert "http.door" in shown  # among what would save most


def test_local_is_reckoned_as_prod():
    assert ran(*WORK, "--json") == ran("--env", "prod", *WORK, "--json")


def test_the_queue_stands_beside_it_where_asked():
    report = json.loads(ran(*WORK, "--compare", "--json"))["queue_design"]
    assert report["services"]["SQS"] == pytest.approx(126.14, abs=0.01)
    output = ran(*WORK, "--compare")
    assert "without the lake" in output
    assert "What would save most" in output


def test_the_region_factor_can_be_given():
    plain, dear = (json.loads(ran(*WORK, "--region-factor", factor, "--json"))["total"] for factor in ("1", "1.5"))
    assert dear == pytest.approx(1.5 * plain)


def test_no_work_is_wrong_usage():
    assert CliRunner().invoke(spillway, [*WORK[:1], "--events-per-second", "0", "--event-bytes", "1"]).exit_code == 2


def test_an_environment_that_is_not_known_is_refused():
    words = ["--env", "nosuch", "cost", "--events-per-second", "1", "--event-bytes", "600"]
    result = CliRunner().invoke(spillway, words)
    assert result.exit_code == 2
    assert "no environment 'nosuch'; known are dev, local, prod" in result.output
