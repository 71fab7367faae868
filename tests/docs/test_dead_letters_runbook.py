"""The runbook of dead letters: what each of its commands does."""

import json
import time
from collections.abc import Iterator

import pytest
import yaml

from infra.settings import PIPELINE_FILE
from producers.event import encode
from tests.end_to_end.conftest import ROOT, RunningPipeline, end, start
from tests.end_to_end.put_directly import put_on_stream
from tests.end_to_end.replayed import listed, table_and_lake
from tests.events import an_event
from tests.markdown_commands import Ran, commands, run_all
from tests.waiting import wait_until

RUNBOOK = ROOT / "docs" / "runbooks" / "dead-letters.md"
QUEUE = "spillway-local-dead-letters"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPipeline]:
    """A pipeline with something in it that failed in every way that the page speaks of."""
    settings = yaml.safe_load(PIPELINE_FILE.read_text())
    settings["table_writer"] |= {"maximum_retry_attempts": 0, "bisect_batch_on_function_error": False}
    config = tmp_path_factory.mktemp("broken") / "pipeline.yaml"
    config.write_text(yaml.safe_dump(settings))
    running = start("--config", str(config))
    dynamodb = running.client("dynamodb")
    table = dynamodb.describe_table(TableName="spillway-local-events")["Table"]
    dynamodb.delete_table(TableName="spillway-local-events")
    put_on_stream(running, [encode(an_event('{"price":"n/a"}', number)) for number in range(3)])
    wait_until(lambda: listed(running)["left"] == 3)
    kept = {name: table[name] for name in ("TableName", "AttributeDefinitions", "KeySchema")}
    dynamodb.create_table(**kept, BillingMode="PAY_PER_REQUEST")
    large = json.dumps({"attachment": "x" * 410_000, "kept": 1})
    put_on_stream(running, [b"poison", encode(an_event(large, 7)), encode(an_event('{"fine":true}', 8))])
    sqs = running.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], MessageBody="none of ours")
    wait_until(lambda: listed(running)["left"] == 7)
    yield running
    end(running)


@pytest.fixture(scope="module")
def ran(broken: RunningPipeline, tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    """Every command of the page, run in order."""
    return run_all(commands(RUNBOOK), folder=tmp_path_factory.mktemp("runbook"), environment=broken.terminal())


def outputs(ran: list[Ran], beginning: str) -> list[str]:
    return [each.output for each in ran if each.command.text.startswith(beginning)]


@pytest.mark.slow
def test_the_commands_bring_it_to_the_all_clear(ran, broken):
    assert len(ran) == len(commands(RUNBOOK)) > 15
    first, *_, last = outputs(ran, "spillway dead-letters list")
    assert first.startswith("7 failures left to do")
    assert "3 ready" in first
    assert last.startswith("0 failures left to do")
    assert "discarded" in outputs(ran, "spillway dead-letters replay --stage unknown")[0]
    wait_until(lambda: len(table_and_lake(broken)[0]) == 6)
    time.sleep(3)  # twice the time that Firehose holds anything: a second copy would be there by now
    in_table, in_lake = table_and_lake(broken)
    assert in_table == in_lake
    assert set(in_table.values()) == {1}


@pytest.mark.slow
def test_the_dry_runs_show_what_the_page_speaks_of(ran):
    (set_null,) = outputs(ran, 'spillway dead-letters replay --where "event.payload.price')
    assert '-    "price": "n/a"' in set_null
    assert '+    "price": null' in set_null
    assert "Nothing was put back" in set_null
    (python,) = outputs(ran, "spillway dead-letters replay --error ItemTooLarge --python")
    assert "1 on the stream: 1 for the table alone" in python
    assert "accepted as" in outputs(ran, "spillway dead-letters show")[0] or "not an event" in "".join(
        outputs(ran, "spillway dead-letters show")
    )
    assert outputs(ran, "spillway dead-letters history")[0].count("finished") == 4
