"""The page on watching: each of its commands runs, and its bounds are the ones in the code."""

import json
from collections.abc import Iterator

import pytest

from infra.doctor import account, machine
from infra.journey import failures, lake, stream
from infra.tail import pace
from tests.end_to_end.conftest import ROOT, RunningPipeline, end, start
from tests.markdown_commands import commands, run_all

PAGE = ROOT / "docs" / "watching.md"
TEXT = " ".join(PAGE.read_text(encoding="utf-8").split())


@pytest.fixture
def pipeline() -> Iterator[RunningPipeline]:
    running = start()
    yield running
    end(running)


@pytest.mark.slow
def test_every_command_runs_and_shows_what_the_page_says(pipeline: RunningPipeline, tmp_path):
    ran = run_all(commands(PAGE), folder=tmp_path, environment=pipeline.terminal())
    outputs = {each.command.text: each.output for each in ran}
    line = next(output for text, output in outputs.items() if text.startswith("spillway tail") and "--json" not in text)
    assert line.endswith('{"user_id":"u1","amount":5}\n')
    tailed = json.loads(next(output for text, output in outputs.items() if "tail" in text and "--json" in text))
    assert {"event", "text", "error", "source", "arrived_at", "bytes"} == set(tailed)
    journey = json.loads(next(output for text, output in outputs.items() if text.endswith("--from 1h --json")))
    assert {"http", "stream"} <= {step["place"] for step in journey["steps"]}
    watched = next(output for text, output in outputs.items() if "--watch" in text and "--json" in text)
    assert len(watched.splitlines()) == 2
    assert "data folder" in outputs["spillway doctor"]


@pytest.mark.parametrize(
    "said",
    [
        f"{stream.MAX_RECORDS:,} stream records or {stream.SEARCH_SECONDS:g} s",
        f"{lake.MAX_FILES} files of the lake",
        f"{failures.MAX_OBJECTS:,} objects of each store",
        f"up to {pace.LONGEST_SECONDS:g} s",
        f"less than {machine.LEAST_FREE_BYTES // 1024**2} MiB are free",
        f"under {machine.COMFORTABLE_FREE_BYTES // 1024**3} GiB is a warning",
        f"it is {account.REFUSED_SECONDS / 60:g} minutes or more",
        f"over {account.NOTICED_SECONDS:g} s is a warning",
    ],
)
def test_a_bound_on_the_page_is_that_of_the_code(said):
    assert said in TEXT
