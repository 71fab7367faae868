"""`spillway tail` on the running pipeline, and its lines."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from infra.cli.main import spillway
from infra.cli.tail import line_of
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
    from datetime import UTC, datetime  # noqa: PLC0415 (of this helper alone)

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


@pytest.mark.parametrize("words", [["--where", "a ="], ["--from", "2999-01-01"], ["--limit", "0"]])
def test_wrong_usage_ends_with_2(words):
    assert CliRunner().invoke(spillway, ["tail", *words]).exit_code == 2


def test_a_post_is_on_the_screen_within_a_second_or_so_and_ctrl_c_ends_with_0(running, tmp_path):
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
