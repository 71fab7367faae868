"""What a newcomer does: start it, load flights, ask, look, stop."""

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import ROOT, RunningPipeline, end, start
from tests.end_to_end.what_arrived import FLIGHTS, LAKE, TABLE, flights, lake_rows


@pytest.fixture(scope="module")
def loaded() -> Iterator[RunningPipeline]:
    """A pipeline through which the flights went."""
    running = start()
    try:
        running.spillway("load", str(FLIGHTS))
        running.wait_until_drained(table_writer=20_000, firehose=20_000)
        yield running
    finally:
        end(running)


def native(attribute: dict) -> object:
    """A typed DynamoDB attribute as JSON has it."""
    ((kind, value),) = attribute.items()
    match kind:
        case "M":
            return {key: native(member) for key, member in value.items()}
        case "L":
            return [native(element) for element in value]
        case "N":
            return json.loads(value)
        case "NULL":
            return None
        case _:
            return value


def test_every_flight_is_in_the_table_with_every_value(loaded):
    scan = loaded.client("dynamodb").get_paginator("scan")
    rows = [item for page in scan.paginate(TableName=TABLE) for item in page["Items"]]
    assert len(rows) == 20_000
    expected = Counter(json.dumps(json.loads(line), sort_keys=True) for line in flights())
    assert Counter(json.dumps(native(row["payload"]), sort_keys=True) for row in rows) == expected
    assert len({(row["timestamp"]["S"], row["request_id"]["S"]) for row in rows}) == 20_000


def test_every_flight_is_in_the_lake_with_every_value_and_under_the_key_of_its_row(loaded):
    rows = lake_rows(loaded)
    assert Counter(row["payload"] for row in rows) == Counter(flights())
    scan = loaded.client("dynamodb").get_paginator("scan")
    ids = {item["request_id"]["S"] for page in scan.paginate(TableName=TABLE) for item in page["Items"]}
    assert {row["request_id"] for row in rows} == ids
    assert all(row["timestamp"].timestamp() * 1000 == row["timestamp_micros"] // 1000 for row in rows)


def test_a_query_in_athenas_dialect_is_right(loaded):
    sql = "SELECT json_extract_scalar(payload, '$.origin') AS origin, count(*) AS n FROM events GROUP BY 1"
    answer = json.loads(loaded.spillway("query", "--json", sql))
    assert {row["origin"]: row["n"] for row in answer} == Counter(json.loads(line)["origin"] for line in flights())


def test_the_status_accounts_for_all_of_it(loaded):
    hops = loaded.hops()
    for hop in ("http_api", "table_writer", "firehose"):
        counts = {name: hops[hop][name] for name in ("received", "delivered", "waiting", "failed")}
        assert counts == {"received": 20_000, "delivered": 20_000, "waiting": 0, "failed": 0}
    assert "20,000" in loaded.spillway("status")


def test_one_flight_posted_with_curl_is_readable_with_the_aws_command(pipeline):
    flight = flights()[0]
    curl = shutil.which("curl")
    assert curl, "curl is needed, as the README says"
    posted = subprocess.run(
        [curl, "-sS", "-H", "Content-Type: application/json", "-d", flight, pipeline.url],
        capture_output=True,
        check=True,
        timeout=30,
    )
    answer = json.loads(posted.stdout)
    pipeline.wait_until_drained(table_writer=1, firehose=1)

    def aws(*arguments: str) -> bytes:
        credentials = {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "eu-west-2",
        }
        command = [str(Path(sys.executable).with_name("aws")), "--endpoint-url", pipeline.aws_url, *arguments]
        environment = {**os.environ, **credentials}
        return subprocess.run(command, capture_output=True, check=True, env=environment, timeout=60).stdout

    key = {"timestamp": {"S": answer["timestamp"]}, "request_id": {"S": answer["request_id"]}}
    row = json.loads(aws("dynamodb", "get-item", "--table-name", TABLE, "--key", json.dumps(key)))["Item"]
    assert native(row["payload"]) == json.loads(flight)
    (line,) = aws("s3", "ls", "--recursive", f"s3://{LAKE}/events/").decode().splitlines()
    parquet = aws("s3", "cp", f"s3://{LAKE}/{line.split()[-1]}", "-")
    assert [row["payload"] for row in pq.read_table(io.BytesIO(parquet)).to_pylist()] == [flight]


def test_ctrl_c_brings_what_was_accepted_to_its_end_and_prints_the_totals(pipeline, tmp_path):
    some = tmp_path / "some.ndjson"
    some.write_text("\n".join(flights()[:3000]))
    pipeline.spillway("load", str(some))
    output = pipeline.stop()
    assert pipeline.process.returncode == 0, output
    totals = {line.split()[0]: line.split() for line in output.splitlines() if line.strip()}
    assert totals["table_writer"] == ["table_writer", "events", "3,000", "3,000", "0", "0", "0"]
    assert totals["firehose"] == ["firehose", "events", "3,000", "3,000", "0", "0", "0"]


def test_what_the_greeting_says_works_when_pasted(pipeline):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    lines = [re.sub(r"^\s*(post|query|status|AWS|elsewhere)?\s+", "", line) for line in pipeline.greeting.splitlines()]
    exports = [line for line in lines if line.startswith("export ")]
    commands = [line for line in lines if line.startswith(("curl ", "aws ", "spillway ", ".venv/bin/spillway "))]
    assert len(commands) == 5
    for command in commands:
        script = " && ".join([*exports, command])
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, env=environment, check=False, timeout=60, cwd=ROOT
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_a_taken_port_is_named_with_the_option_for_another():
    for option in ("--port", "--aws-port"):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            command = [
                str(Path(sys.executable).with_name("spillway")),
                "run",
                "--memory",
                "--port",
                "0",
                "--aws-port",
                "0",
                option,
                port,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert done.stderr == f"spillway: port {port} of 127.0.0.1 is taken; choose another with {option} PORT\n"


def test_every_listener_is_on_the_loopback(pipeline):
    listening = Path(f"/proc/{pipeline.process.pid}/net/tcp").read_text().splitlines()[1:]
    ours = {int(url.rsplit(":", 1)[1].split("/")[0]) for url in (pipeline.url, pipeline.aws_url)}
    addresses = {
        int(local.split(":")[1], 16): local.split(":")[0]
        for _, local, _, state, *_ in (line.split() for line in listening)
        if state == "0A"
    }
    assert {addresses[port] for port in ours} == {"0100007F"}
