"""`spillway tail` on the running pipeline, and its lines."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from infra.cli.context import Context
from infra.cli.main import spillway
from infra.cli.tail import _consumers, _fitted, json_of, line_of
from infra.local.aws import kinesis as local_kinesis
from infra.names import Names
from infra.shards.errors import ShardsError
from infra.tail.tailed import records_of
from producers.event import encode
from tests.end_to_end.conftest import SPILLWAY, RunningPipeline, end, start
from tests.end_to_end.put_directly import put_on_stream
from tests.events import an_event
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPipeline]:
    pipeline = start()
    yield pipeline
    end(pipeline)


def tailed(data: bytes):
    record = {
        "SequenceNumber": "495",
        "PartitionKey": "key",
        "Data": data,
        "ApproximateArrivalTimestamp": datetime(2026, 11, 23, 2, 34, 57, tzinfo=UTC),
    }
    [found] = records_of("s", "shardId-000000000000", record)
    return found


def test_a_line_has_the_time_the_id_and_the_payload():
    event = an_event('{"hello":"world"}', 7)
    assert line_of(tailed(encode(event))) == f'{event.timestamp}  {event.request_id}  {{"hello":"world"}}'


def test_a_line_of_other_bytes_says_that_they_are_not_an_event():
    line = line_of(tailed(b"\xffpoison\x1b[2J"))
    assert line.startswith("2026-11-23T02:34:57.000Z  shardId-000000000000:495#0  not readable: not an event")
    assert line.endswith("\\xffpoison\\x1b[2J")


def test_what_a_terminal_would_obey_is_written_out():
    line = line_of(tailed(encode(an_event('{"a":"\u202e\x9b2J"}'))))
    assert line.endswith('{"a":"\\u202e\\x9b2J"}')


def test_json_keeps_every_digit_and_writes_out_what_a_terminal_would_obey():
    payload = '{"price":1.10,"n":%s,"a":"\x9b\u202e"}' % ("7" * 5_000)
    line = json_of(tailed(encode(an_event(payload))))
    assert '"price":1.10' in line
    assert "7" * 5_000 in line
    assert "\\u009b\\u202e" in line
    assert line.isprintable()
    short = json.loads(json_of(tailed(encode(an_event('{"a":"\x9b"}')))))
    assert short["event"]["payload"] == {"a": "\x9b"}
    assert short["text"] is None


def test_json_of_an_event_that_another_producer_wrote_on_several_lines_is_one_line():
    event = encode(an_event()).replace(b',"payload"', b',\n "more": 1,"payload"')
    line = json_of(tailed(event))
    assert "\n" not in line
    assert json.loads(line)["event"]["more"] == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", ["a" * 200, "\u5c71" * 200, "short"])
def test_a_line_is_cut_to_the_terminals_width_in_cells(text, monkeypatch):
    monkeypatch.setattr("infra.cli.tail.shutil.get_terminal_size", lambda: os.terminal_size((80, 24)))
    assert _fitted(text) == text  # a pipe takes all of it
    monkeypatch.setattr(sys, "stdout", Terminal())
    fitted = _fitted(text)
    assert cell_len(fitted) <= 80
    assert fitted.endswith("…") is (text != "short")


@pytest.fixture
def on_aws(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stream of the environment dev, and its client."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with local_kinesis.installed("aws"):
        kinesis = boto3.client("kinesis")
        kinesis.create_stream(StreamName="spillway-dev-events", ShardCount=1)
        yield kinesis


def test_on_aws_it_says_what_it_takes_from_the_consumers(on_aws):
    on_aws.put_record(StreamName="spillway-dev-events", PartitionKey="k", Data=encode(an_event('{"n":1}')))
    done = CliRunner().invoke(spillway, ["--env", "dev", "tail", "--from", "5m", "--limit", "1"])
    assert done.exit_code == 0, done.output
    assert "one of the five reads a second" in done.stderr
    assert done.stdout.endswith('{"n":1}\n')


def test_on_aws_the_consumers_age_is_the_slowest_ones_and_what_is_denied_is_said_once(on_aws, monkeypatch, capsys):
    ages = iter([{"table_writer": 4.0, "firehose": 90.0}, {"table_writer": None, "firehose": None}])
    monkeypatch.setattr("infra.cli.tail.behind", lambda *_, **__: next(ages))
    consumers = _consumers(Context("dev"), Names("dev", "123456789012"))
    consumers.grew()
    assert consumers.seconds == 90.0

    def denied(*_: Any, **__: Any) -> Any:
        raise ShardsError("CloudWatch is not allowed")

    monkeypatch.setattr("infra.cli.tail.behind", denied)
    refused = _consumers(Context("dev"), Names("dev", "123456789012"))
    assert not refused.grew()
    assert refused.seconds is None
    assert capsys.readouterr().err.count("CloudWatch is not allowed") == 1


@pytest.mark.parametrize("words", [["--where", "a ="], ["--from", "2999-01-01"], ["--limit", "0"]])
def test_wrong_usage_ends_with_2(words):
    assert CliRunner().invoke(spillway, ["tail", *words]).exit_code == 2


def test_posts_that_where_means_are_on_the_screen_and_ctrl_c_ends_with_0(running, tmp_path):
    output = tmp_path / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [SPILLWAY, "tail", "--where", "event.payload.wanted"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **running.terminal()},
        )
    try:
        numbers = iter(range(1_000))

        def seen() -> str:
            running.spillway("post", json.dumps({"wanted": next(numbers)}))
            running.spillway("post", '{"other":1}')
            return output.read_text()

        wait_until(seen)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)
    lines = output.read_text().splitlines()
    assert all('{"wanted":' in line for line in lines), lines


def test_json_is_a_document_a_line_with_poison_among_them(running):
    put_on_stream(running, [b"poison", encode(an_event('{"mark":"json"}', 3))])
    found = [
        json.loads(line)
        for line in running.spillway(
            "tail", "--from", "5m", "--json", "--limit", "2", "--where", "error || event.payload.mark"
        ).splitlines()
    ]
    assert {each["text"] for each in found} == {"poison", None}
    [event] = [each for each in found if each["event"]]
    assert event["event"]["payload"] == {"mark": "json"}
    assert event["source"]["shard_id"].startswith("shardId-")
    assert event["error"] is None
