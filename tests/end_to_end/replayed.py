"""What a replay brings back, and where."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from infra.settings import PIPELINE_FILE
from tests.end_to_end.conftest import RunningPipeline, end, start
from tests.end_to_end.put_directly import rows
from tests.end_to_end.what_arrived import lake_rows

SECONDS = 60


@pytest.fixture
def running(tmp_path) -> Iterator[RunningPipeline]:
    """A pipeline whose event source mapping gives up at once, and whose stream is not throttled."""
    settings = yaml.safe_load(PIPELINE_FILE.read_text())
    settings["table_writer"] |= {"maximum_retry_attempts": 0, "bisect_batch_on_function_error": False}
    settings["local"]["limits"] = "off"
    config = tmp_path / "pipeline.yaml"
    config.write_text(yaml.safe_dump(settings))
    started = start("--config", str(config))
    yield started
    end(started)


def listed(running: RunningPipeline, *options: str) -> dict[str, Any]:
    return json.loads(running.spillway("dead-letters", "list", "--json", *options))


def table_and_lake(running: RunningPipeline) -> tuple[Counter[str], Counter[str]]:
    """How often each event is in the table, and in the lake, by request id."""
    return (
        Counter(row["request_id"]["S"] for row in rows(running)),
        Counter(row["request_id"] for row in lake_rows(running)),
    )
