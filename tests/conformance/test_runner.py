"""`make conform`, run against the local endpoint as if it were the account."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local.aws.endpoint import AwsEndpoint, local_aws
from tests.conformance.__main__ import PAGE, ROOT
from tests.conformance.cost import MOST_DOLLARS, cost_dollars
from tests.conformance.facts import fact
from tests.conformance.ledger import Ledger, Resource
from tests.conformance.removing import PREFIX, remove
from tests.conformance.results import NOT_RUN, Result, deviations, page_of, recorded_on_aws

REGION = "eu-west-2"
FEWEST_FACTS = 120


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The local AWS endpoint; its URL."""
    with local_aws(REGION, "off"):
        served = AwsEndpoint(0)
        served.start()
        yield served.url
        served.stop()


class Runner:
    """The command, in a process of its own, and the ledger it writes."""

    def __init__(self, endpoint: str, directory: Path) -> None:
        self.ledger = Ledger(directory / "ledger.jsonl")
        self._arguments = [sys.executable, "-m", "tests.conformance", "--ledger", str(directory / "ledger.jsonl")]
        self._environment = os.environ | {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "SPILLWAY_CONFORMANCE_PATIENCE": "60",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._arguments, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def killed(self, number: signal.Signals, *, group: bool) -> str:
        """Start the facts of resharding, and send a signal once the first stream exists; what was printed."""
        with self.start("--yes", "--no-page", "--only", "test_kinesis_resharding") as process:
            deadline = time.monotonic() + 60
            while not streams():
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.02)
            if group:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            output, _ = process.communicate(timeout=120)
        return output


@pytest.fixture
def runner(endpoint: str, tmp_path: Path) -> Runner:
    return Runner(endpoint, tmp_path)


def streams() -> list[str]:
    """The streams that the suite has in the account."""
    names = boto3.client("kinesis", region_name=REGION).list_streams()["StreamNames"]
    return [name for name in names if name.startswith(PREFIX)]


@pytest.mark.slow
def test_a_run_asks_every_fact_and_leaves_nothing_behind(runner: Runner) -> None:
    status, output = runner.run("--yes", "--no-page", "--only", "test_s3 or test_sqs")
    assert status == 0, output
    assert "No deviations." in output
    assert "Nothing is left in the account." in output
    assert runner.ledger.remaining() == []
    assert boto3.client("s3", region_name=REGION).list_buckets()["Buckets"] == []


@pytest.mark.slow
def test_a_run_says_what_it_costs_before_it_begins(runner: Runner) -> None:
    status, output = runner.run("--yes", "--no-page", "--only", "no_such_fact")
    assert f"At most {cost_dollars():.2f} dollars" in output
    assert status != 0, "no fact ran"
    assert 0 < cost_dollars() < MOST_DOLLARS


def test_a_run_that_was_killed_is_cleaned_up_after_by_another(runner: Runner) -> None:
    runner.killed(signal.SIGKILL, group=True)
    assert streams()
    assert set(streams()) <= {resource.name for resource in runner.ledger.remaining()}
    status, output = runner.run("--yes", "--no-page")
    assert (status, "make conform CLEAN=1" in output) == (1, True), "a second run does not begin before"
    status, output = runner.run("--clean")
    assert status == 0, output
    assert (streams(), runner.ledger.remaining()) == ([], [])


@pytest.mark.slow
def test_a_run_that_is_stopped_cleans_up_after_itself(runner: Runner) -> None:
    output = runner.killed(signal.SIGTERM, group=False)
    assert "Nothing is left in the account." in output
    assert (streams(), runner.ledger.remaining()) == ([], [])


def test_cleaning_up_twice_is_no_error(runner: Runner) -> None:
    runner.ledger.will_create(Resource("stream", f"{PREFIX}never-created"))
    for _ in range(2):
        status, output = runner.run("--clean")
        assert status == 0, output


def test_what_cannot_be_deleted_is_named_and_stays_in_the_ledger(runner: Runner) -> None:
    name = f"{PREFIX}held"
    kinesis = boto3.client("kinesis", region_name=REGION)
    glue: Any = boto3.client("glue", region_name=REGION)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    runner.ledger.will_create(Resource("database", "spillway_conformance_none"))
    runner.ledger.will_create(Resource("bucket", f"{PREFIX}Not_A_Bucket"))
    runner.ledger.will_create(Resource("stream", name))
    status, output = runner.run("--clean")
    assert name not in streams(), "one that cannot be deleted does not keep the rest"
    if status:
        assert "Not deleted: bucket" in output
        assert [resource.kind for resource in runner.ledger.remaining()] == ["bucket"]
    assert glue.get_databases()["DatabaseList"] == []


def test_nothing_but_what_the_suite_created_is_ever_deleted() -> None:
    for name in ("spillway-prod-events", "events", "", "spillway"):
        with pytest.raises(ValueError, match="not created by the conformance suite"):
            remove(Resource("stream", name), boto3.client)  # type: ignore[arg-type] # the stubs know literal names


def test_the_ledger_lists_what_may_exist_the_latest_first(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    first, second, third = (Resource("stream", f"{PREFIX}{n}") for n in range(3))
    for resource in (first, second, third):
        ledger.will_create(resource)
    ledger.is_gone(second)
    assert Ledger(path).remaining() == [third, first]
    with path.open("a") as file:
        file.write('{"what": "create", "ki')  # killed in the middle of a line
    assert Ledger(path).remaining() == [third, first]


def a_result(outcome: str = "passed", observed: str = "") -> Result:
    return Result(
        "Kinesis", "a shard takes 1 MiB a second", "[m kinesis]", unsure=False, outcome=outcome, observed=observed
    )


def test_a_fact_that_does_not_hold_is_in_the_table_of_deviations() -> None:
    table = deviations([a_result(), a_result("failed", "it takes 2")])
    assert "it takes 2" in table
    assert table.count("a shard takes 1 MiB a second") == 1
    assert deviations([a_result()]) == "No deviations."


def test_the_page_keeps_what_was_seen_on_aws(tmp_path: Path) -> None:
    page = tmp_path / "conformance.md"
    page.write_text(page_of([a_result()], {}))
    key = ("Kinesis", "a shard takes 1 MiB a second")
    assert recorded_on_aws(page) == {key: NOT_RUN}
    page.write_text(page_of([a_result()], {key: "as stated (2026-11-24)"}))
    assert recorded_on_aws(page) == {key: "as stated (2026-11-24)"}
    assert "**differs**: it takes 2" in page_of([a_result("failed", "it takes 2")], {})


def test_the_page_lists_the_facts_that_there_are() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-m", "fact", str(Path(__file__).parent)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout
    collected = {line.partition("::")[2].partition("[")[0] for line in listed.splitlines() if "::" in line}
    statements = {name.removeprefix("test_").replace("_", " ") for name in collected}
    assert {statement.partition(" (")[0] for _, statement in recorded_on_aws(PAGE)} == statements, (
        "make conform ARGS=--local"
    )
    assert len(statements) >= FEWEST_FACTS, "without the values of those that are asked for several"


@pytest.mark.parametrize("source", ["", "no key", "[unknown page]"])
def test_a_fact_names_a_known_source(source: str) -> None:
    with pytest.raises(ValueError, match="names no known source"):
        fact(source)
