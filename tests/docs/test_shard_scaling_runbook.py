"""The runbook of shards: each of its commands does what the page says, its table is what the planner computes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.shards.cost import on_demand, provisioned
from infra.shards.load import Demand, Load, even_shards
from infra.shards.planning import uniform_count
from producers.event import encode
from tests.end_to_end.conftest import ROOT, RunningPipeline, end, start
from tests.events import an_event
from tests.markdown_commands import Ran, commands, run_all

RUNBOOK = ROOT / "docs" / "runbooks" / "shard-scaling.md"
STREAM = "spillway-local-events"
READERS = 2
EVENT_BYTES = 600
ROW = re.compile(r"\| ([\d,]+) \| (\d+) \| ([\d,]+) \| \$([\d,]+) \| \$([\d,]+) \|")


@pytest.fixture
def pipeline() -> Iterator[RunningPipeline]:
    """A pipeline through which some events went."""
    running = start()
    records = [{"Data": encode(an_event(number=number)), "PartitionKey": str(number)} for number in range(200)]
    running.client("kinesis").put_records(StreamName=STREAM, Records=records)
    yield running
    end(running)


def output_of(ran: list[Ran], beginning: str) -> str:
    return next(each.output for each in ran if each.command.text.startswith(beginning))


@pytest.mark.slow
def test_every_command_does_what_the_page_says(pipeline: RunningPipeline, tmp_path: Path):
    ran = run_all(commands(RUNBOOK), folder=tmp_path, environment=pipeline.terminal())
    assert len(ran) > 20
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert "scale 2 to 1 shards" in output_of(ran, "spillway shards plan --from-metrics 7d")
    assert "scale 2 to 4 shards" in output_of(ran, "spillway shards apply plan.json")
    journal = output_of(ran, "cat plan.json.journal.jsonl").splitlines()
    assert [json.loads(line)["happening"] for line in journal] == ["begun", "done"]
    assert json.loads(output_of(ran, "aws kinesis describe-stream-summary")) == ["ACTIVE", 4]
    assert "scale 4 to 2 shards" in output_of(ran, "spillway shards apply back.json")
    assert any("enhanced fan-out: analytics" in each.output for each in ran)
    assert json.loads(output_of(ran, "spillway shards simulate --trace growth-to-a-million"))["throttled_share"] == 0


def test_the_table_of_costs_is_what_the_planner_computes():
    rows = ROW.findall(RUNBOOK.read_text())
    assert len(rows) == 9
    for row in rows:
        events, in_a_record, shards, dollars, on_demand_dollars = (int(cell.replace(",", "")) for cell in row)
        peak = Load(events * EVENT_BYTES, events / in_a_record)
        needed = uniform_count(Demand(even_shards(peak, 1)), READERS, 0.6, 1)
        assert needed == shards
        assert round(provisioned(shards, peak * 0.5)) == dollars
        assert round(on_demand(peak * 0.5, readers=READERS)) == on_demand_dollars
