"""`spillway post` and `spillway load` against a running pipeline."""

import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
import yaml

from infra.loading.journal import journal_path
from infra.settings import PIPELINE_FILE
from tests.end_to_end.conftest import SPILLWAY, RunningPipeline, end, start
from tests.end_to_end.put_directly import rows
from tests.end_to_end.what_arrived import FLIGHTS, flights


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningPipeline]:
    """One pipeline for the tests that look at nothing but the answer."""
    running = start()
    yield running
    end(running)


def test_an_event_can_be_an_argument_a_file_or_standard_input(shared, tmp_path):
    file = tmp_path / "event.json"
    file.write_text('{"from":"file"}')
    for arguments, stdin in ((['{"from":"argument"}'], ""), (["--file", str(file)], ""), ([], '{"from":"stdin"}')):
        answer = json.loads(shared.spillway("post", *arguments, stdin=stdin))
        assert set(answer) == {"timestamp", "request_id"}


def test_a_refused_event_is_reported_and_the_status_is_one(shared):
    assert json.loads(shared.spillway("post", "{", status=1))["error"]["code"] == "not_json"


def test_two_ways_of_giving_the_event_are_wrong_usage(shared, tmp_path):
    file = tmp_path / "event.json"
    file.write_text("1")
    shared.spillway("post", "1", "--file", str(file), status=2)


def test_a_url_without_a_server_is_reported_with_the_next_step(shared):
    done = subprocess.run(
        [SPILLWAY, "post", "1", "--url", "http://127.0.0.1:9/dev/app"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("spillway: nobody answers at http://127.0.0.1:9/dev/app; is the pipeline running")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("e.ndjson", b'{"n":1}\n{"n":2}\n{"n":3}\n'),
        ("e.json", b'[{"n":1},{"n":2},{"n":3}]'),
        ("e.csv", b"n\n1\n2\n3\n"),
        ("e.csv.gz", gzip.compress(b"n\n1\n2\n3\n", mtime=0)),
    ],
)
def test_every_kind_of_file_is_loaded(shared, tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    assert json.loads(shared.spillway("load", "--json", str(path)))["accepted"] == 3


def test_rejected_lines_are_kept_with_their_error_and_the_others_are_accepted(shared, tmp_path):
    path, rejects = tmp_path / "e.ndjson", tmp_path / "rejects.ndjson"
    path.write_bytes(b'1\nnot json\n3\n"\xff"\n5\n')
    output = shared.spillway("load", "--json", "--rejects", str(rejects), str(path), status=1)
    assert json.loads(output) | {"seconds": 0} == {"accepted": 3, "rejected": 2, "seconds": 0}
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(line["number"], line["entry"]) for line in kept] == [(2, "not json"), (4, '"\\xff"')]
    assert {line["error"]["code"] for line in kept} == {"not_json", "not_utf8"}


def test_several_files_are_loaded_one_after_the_other(shared, tmp_path):
    paths = [tmp_path / f"{n}.ndjson" for n in range(3)]
    for path in paths:
        path.write_text("1\n2\n")
    assert json.loads(shared.spillway("load", "--json", *map(str, paths)))["accepted"] == 6


def test_a_load_that_was_killed_is_resumed_and_nothing_is_sent_twice(pipeline, tmp_path):
    path = tmp_path / "flights.ndjson"
    path.write_text("\n".join(flights()))
    environment = {**os.environ, **pipeline.environment}
    killed = 0
    for attempt in range(8):
        words = ["load", *(["--resume"] if journal_path(path).exists() else []), str(path)]
        load = subprocess.Popen([SPILLWAY, *words], env=environment, stdout=subprocess.DEVNULL)
        try:
            assert load.wait(0.7 + 0.2 * attempt) == 0
            break
        except subprocess.TimeoutExpired:
            load.send_signal(signal.SIGKILL)
            load.wait(30)
            killed += 1
    else:
        pipeline.spillway("load", "--resume", str(path))
    assert killed >= 1
    pipeline.wait_until_drained(table_writer=20_000, firehose=20_000)
    time.sleep(0.5)  # for a 20,001st, were there one
    assert len(rows(pipeline)) == 20_000
    assert pipeline.hops()["http_api"]["delivered"] == 20_000
    assert not journal_path(path).exists()


def test_a_rate_limit_is_waited_for(tmp_path):
    settings = yaml.safe_load(PIPELINE_FILE.read_text())
    settings["http"] |= {"rate_per_second": 10, "burst": 2}
    config = tmp_path / "pipeline.yaml"
    config.write_text(yaml.safe_dump(settings))
    running = start("--config", str(config))
    try:
        assert json.loads(running.spillway("load", "--json", str(FLIGHTS)))["accepted"] == 20_000
    finally:
        end(running)
