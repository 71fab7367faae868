"""The runbook of disaster recovery: each of its commands does what the page says, and no row is lost over them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import ROOT, RunningPipeline, end, start
from tests.markdown_commands import Ran, commands, run_all

RUNBOOK = ROOT / "docs" / "runbooks" / "disaster-recovery.md"
TABLE = "spillway-local-events"
EVENTS = 120


@pytest.fixture
def pipeline(tmp_path) -> Iterator[RunningPipeline]:
    """A pipeline through which some events went."""
    running = start()
    file = tmp_path / "events.ndjson"
    file.write_text("".join(f'{{"n":{n}}}\n' for n in range(EVENTS)))
    running.spillway("load", str(file))
    running.wait_until_drained(table_writer=EVENTS, firehose=EVENTS)
    yield running
    end(running)


def rows(running: RunningPipeline) -> list[dict[str, Any]]:
    pages = running.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
    items = [item for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: (item["timestamp"]["S"], item["request_id"]["S"]))


def output_of(ran: list[Ran], beginning: str) -> str:
    return next(each.output for each in ran if each.command.text.startswith(beginning))


@pytest.mark.slow
def test_every_command_does_what_the_page_says(pipeline: RunningPipeline, tmp_path: Path):
    before = rows(pipeline)
    assert len(before) == EVENTS
    ran = run_all(commands(RUNBOOK), folder=tmp_path, environment=pipeline.terminal())
    assert len(ran) > 20
    assert json.loads(output_of(ran, "aws dynamodb scan")) == EVENTS
    assert f"{EVENTS} rows written to {TABLE}" in output_of(ran, "spillway rebuild-table")
    rebuilt = json.loads(next(each.output for each in ran if each.command.text.endswith("--json")))
    assert rebuilt["rows"] == EVENTS
    assert rebuilt["done"] == rebuilt["files"]
    assert "Everything is accounted for." in output_of(ran, "spillway audit")
    assert rows(pipeline) == before


def test_what_was_not_executed_is_marked_so():
    page = RUNBOOK.read_text(encoding="utf-8")
    for block in page.split("```bash\n")[1:]:
        assert "not executed" in page[: page.index(block)].rpartition("```bash")[0][-400:]
