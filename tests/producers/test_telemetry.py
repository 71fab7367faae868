"""Metrics in CloudWatch's embedded format, held against the library that writes it too."""

import io
import json
import sys

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from producers.telemetry import NAMESPACE, count, logger

COUNTS = {"AcceptedEvents": 3, "RejectedEvents": 0, "ThrottledEvents": 1}


@pytest.fixture(autouse=True)
def function_name(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "spillway-dev-http-api")


def powertools_line() -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="http_api")
    metrics.add_dimension(name="function", value="spillway-dev-http-api")
    metrics.add_dimension(name="reason", value="not_json")
    for name, number in COUNTS.items():
        if number:
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
    metrics.flush_metrics()


def test_a_line_says_what_powertools_would(capsys):
    count("http_api", COUNTS, reason="not_json")
    ours = json.loads(capsys.readouterr().out)
    powertools_line()
    theirs = json.loads(capsys.readouterr().out)

    assert abs(ours["_aws"].pop("Timestamp") - theirs["_aws"].pop("Timestamp")) < 60_000
    (directive,), (their_directive,) = ours["_aws"]["CloudWatchMetrics"], theirs["_aws"]["CloudWatchMetrics"]
    assert set(directive.pop("Dimensions")[0]) == set(their_directive.pop("Dimensions")[0])
    assert directive == their_directive
    assert {name: [value] for name, value in ours.items() if name in COUNTS} == {
        name: value for name, value in theirs.items() if name in COUNTS
    }
    assert ours.keys() == theirs.keys()
    assert ours["function"] == theirs["function"]


def test_outside_lambda_the_function_goes_by_its_service(capsys, monkeypatch):
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
    count("http_api", {"AcceptedEvents": 1})
    line = json.loads(capsys.readouterr().out)
    assert line["function"] == "http_api"
    assert type(line["_aws"]["Timestamp"]) is int  # CloudWatch takes whole milliseconds


def test_nothing_counted_is_no_line(capsys):
    count("http_api", {"RejectedEvents": 0})
    assert capsys.readouterr().out == ""


def test_a_line_is_written_whole(capsys):
    count("http_api", {"AcceptedEvents": 1})
    assert capsys.readouterr().out.count("\n") == 1


def test_a_logger_writes_to_the_standard_output_of_the_moment(monkeypatch):
    """The local pipeline reads what functions log, also where their loggers are older than it."""
    earlier, later = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", earlier)
    logger("a_function").warning("one")
    earlier.close()
    monkeypatch.setattr(sys, "stdout", later)
    logger("a_function").warning("two")
    assert json.loads(later.getvalue())["message"] == "two"
