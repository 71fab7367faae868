"""A table rebuilt from the lake holds the rows that the table writer wrote; a rebuild may be stopped and repeated."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from archive.compaction.job import Compaction
from archive.compaction.local import LocalEngine
from archive.lake.columns import arrow_schema, columns
from consumers.table import EventTable, WriteOutcome
from infra.audit.sightings import Period
from infra.cli.main import spillway
from infra.local.pipeline import LocalPipeline
from infra.recovery.journal import Journal, JournalError, end_of_begun
from infra.recovery.lake_files import files_of
from infra.recovery.rebuild import Progress, Rebuild, RebuildStopped
from infra.settings import load
from producers.aws import client, raw_operation
from tests.clock import FakeClock
from tests.events_table import create_events_table
from tests.http.conftest import Api, changed

PAYLOADS = (
    '{"n": 1, "text": "plain"}',
    "null",
    '{"numbers": [1, 2.50, -3e5, 0.1000]}',
    '{"many digits": 12345678901234567890123456789012345678, "more": 123456789012345678901234567890123456789.25}',
    '{"emoji": "\\ud83d\\ude00", "raw": "äöü 中文"}',
    '{"": "an empty key"}',
    '{"deep": ' + "[" * 40 + "]" * 40 + "}",
    '{"nested": {"list": [{"a": null}, true, false]}}',
    '"a text"',
    "1e-7",
)
BATCH = 30
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A pipeline that holds events of every kind in its table and lake."""
    settings = changed(load("local"), local={"limits": "off"}, archive={"buffer_seconds": 1})
    with LocalPipeline(settings, "local", 0, 0) as pipeline:
        api = Api(pipeline)
        for payload in PAYLOADS:
            assert api.post(payload.encode()).status == 201
        assert api.post(json.dumps([{"n": n} for n in range(BATCH)]).encode()).status == 201
        deadline = time.monotonic() + 60
        while not arrived(api):
            assert time.monotonic() < deadline, pipeline.status()
            time.sleep(0.1)
        yield api


def arrived(api: Api) -> bool:
    delivered = {hop.hop: hop.delivered for hop in api.pipeline.status()}
    return delivered["table_writer"] == delivered["firehose"] == len(PAYLOADS) + BATCH


@pytest.fixture
def empty_table(api) -> Iterator[str]:
    """A table with the keys of the events' one; its name."""
    dynamodb = boto3.client("dynamodb")
    create_events_table("rebuilt")
    yield "rebuilt"
    dynamodb.delete_table(TableName="rebuilt")


def rows(table: str) -> list[dict[str, Any]]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: (item["timestamp"]["S"], item["request_id"]["S"]))


def today() -> Period:
    now = datetime.now(UTC)
    return Period(now - DAY, now + DAY)


def rebuilt(api: Api, table: str, journal: Path, period: Period | None = None, **options: Any) -> list[Progress]:
    """Rebuild into a table; the states it went through."""
    period = period or today()
    s3 = boto3.client("s3", endpoint_url=api.pipeline.aws_url)
    bucket = api.pipeline.names.lake_bucket
    kept = Journal(journal, table, period)
    kept.begin()
    client.cache_clear()
    with ThreadPoolExecutor(4) as executor:
        write = raw_operation(client("dynamodb"), "BatchWriteItem", RequestItems={table: []})
        rebuild = Rebuild(s3, bucket, EventTable(write, table, executor), kept, period, **options)
        files = files_of(s3, bucket, period)
        return [Progress(each.files, each.done, each.rows, each.expired, each.refused) for each in rebuild.run(files)]


def test_the_rows_are_those_that_the_table_writer_wrote(api, empty_table, tmp_path):
    states = rebuilt(api, empty_table, tmp_path / "journal")
    assert len(rows(empty_table)) == len(PAYLOADS) + BATCH
    assert rows(empty_table) == rows(api.pipeline.names.table)
    last = states[-1]
    assert last.done == last.files > 0
    assert (last.rows, last.refused, last.expired) == (len(PAYLOADS) + BATCH, 0, 0)


def test_a_second_rebuild_changes_nothing(api, empty_table, tmp_path):
    rebuilt(api, empty_table, tmp_path / "first")
    before = rows(empty_table)
    rebuilt(api, empty_table, tmp_path / "second")
    assert rows(empty_table) == before


def test_only_events_accepted_in_the_period_are_written(api, empty_table, tmp_path):
    whole = rows(api.pipeline.names.table)
    start, end = (datetime.fromisoformat(whole[at]["timestamp"]["S"]) for at in (3, 7))
    rebuilt(api, empty_table, tmp_path / "journal", Period(start, end))
    assert rows(empty_table) == whole[3:7]


def test_a_rebuild_goes_on_where_it_stopped(api, empty_table, tmp_path):
    period, journal = today(), tmp_path / "journal"
    s3 = boto3.client("s3", endpoint_url=api.pipeline.aws_url)
    files = files_of(s3, api.pipeline.names.lake_bucket, period)
    begun = Journal(journal, empty_table, period)
    begun.begin()
    begun.note(files[0].key)
    states = rebuilt(api, empty_table, journal, period)
    assert states[0].done == 1
    assert states[-1].done == len(files)
    assert states[-1].rows < len(PAYLOADS) + BATCH
    assert len(rows(empty_table)) == states[-1].rows


def test_a_table_that_takes_nothing_stops_the_rebuild_before_its_file_is_noted(api, tmp_path):
    class Unwilling(EventTable):
        def __init__(self) -> None:
            pass

        def write(self, received, deadline):
            return WriteOutcome([], list(received), [])

    period, journal = today(), Journal(tmp_path / "journal", "t", today())
    journal.begin()
    s3 = boto3.client("s3", endpoint_url=api.pipeline.aws_url)
    bucket = api.pipeline.names.lake_bucket
    rebuild = Rebuild(s3, bucket, Unwilling(), journal, period, clock=FakeClock())
    with pytest.raises(RebuildStopped, match="run the same command again"):
        list(rebuild.run(files_of(s3, bucket, period)))
    assert len((tmp_path / "journal").read_text().splitlines()) == 1


def test_rows_that_would_have_expired_are_left_out(api, empty_table, tmp_path):
    later = FakeClock(datetime.now(UTC).timestamp() + 3 * 86_400)
    states = rebuilt(api, empty_table, tmp_path / "journal", ttl_seconds=2 * 86_400, clock=later)
    assert states[-1].expired == len(PAYLOADS) + BATCH
    assert rows(empty_table) == []


def test_the_command_writes_and_reports(api, empty_table, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", api.pipeline.aws_url)
    since = f"{datetime.now(UTC) - DAY:%Y-%m-%dT%H:%M:%S}"
    journal = tmp_path / "journal"
    arguments = ["rebuild-table", "--from", since, "--table", empty_table, "--journal", str(journal), "--json"]
    result = CliRunner().invoke(spillway, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["rows"] == len(PAYLOADS) + BATCH
    assert rows(empty_table) == rows(api.pipeline.names.table)
    assert not journal.exists()


def test_compacted_hours_are_read_once_and_give_the_same_rows(api, empty_table, tmp_path):
    s3: Any = boto3.client("s3", endpoint_url=api.pipeline.aws_url)
    bucket = api.pipeline.names.lake_bucket
    engine = LocalEngine(s3, bucket, arrow_schema(columns()))
    later = FakeClock(datetime.now(UTC).timestamp() + 7_200)
    compaction = Compaction(s3, bucket, engine, closed_after=timedelta(0), visible_after=timedelta(0), clock=later)
    hours = {file.hour for file in files_of(s3, bucket, today())}
    assert {outcome.what for outcome in compaction.run(sorted(hours))} == {"compacted"}
    files = files_of(s3, bucket, today())
    assert all(file.key.startswith("events_compacted/data/") for file in files)
    assert all("/slice-00000/" in file.key for file in files)  # as Athena writes them
    rebuilt(api, empty_table, tmp_path / "journal")
    assert rows(empty_table) == rows(api.pipeline.names.table)


def test_a_journal_of_another_rebuild_is_refused(tmp_path):
    period = today()
    Journal(tmp_path / "journal", "one", period).begin()
    with pytest.raises(JournalError, match="another rebuild"):
        Journal(tmp_path / "journal", "other", period).begin()
    assert end_of_begun(tmp_path / "journal") == period.end
    assert end_of_begun(tmp_path / "absent") is None
    (tmp_path / "strange").write_text("strange")
    with pytest.raises(JournalError, match="not a journal"):
        end_of_begun(tmp_path / "strange")
