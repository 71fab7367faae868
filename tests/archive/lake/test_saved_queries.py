"""The saved queries, each run on real objects, translated from Athena's dialect."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.lake.hours import Hour
from archive.lake.tables import tables
from consumers.dead_letter import DeadLetter, Failure
from consumers.stream_batch import Source
from infra.local.firehose.records import (
    ConversionFailure,
    ProcessingFailure,
    Row,
    SourceRecord,
    conversion_failed_object,
    processing_failed_object,
)
from infra.local.firehose.settings import CatalogTable
from producers.event import encode
from tests.archive.lake.lakes import NAMES, Lake, a_row
from tests.events import an_event

QUERIES = {path.stem: path.read_text() for path in Path("archive/lake/queries").glob("*.sql")}
NOW = Hour.of(datetime.now(UTC))  # the queries look back from today
CATALOG = CatalogTable("123456789012", "spillway_local", "events_landing", "eu-west-2", "LATEST", "role")


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """A lake with six events, one of them twice, a dead letter, and an error of each kind."""
    lake.land([a_row(n, NOW, source_ip="203.0.113.9", user_agent="curl") for n in range(4)], NOW)
    lake.land(
        [
            a_row(3, NOW, source_ip="203.0.113.9", user_agent="curl"),
            a_row(4, NOW, source_ip="198.51.100.7", _mismatches='["fare","at"]'),
            a_row(5, NOW, source_ip="198.51.100.7", _mismatches='["fare"]'),
        ],
        NOW,
    )
    source = Source("stream", "shardId-000000000000", "1", 0, "key", "2026-11-23T02:34:56.000000Z")
    data = encode(an_event(request_id="r00002"))
    letters = [
        DeadLetter("table_writer", failed_at, Failure("PoisonEvent", message), 1, source, data)
        for failed_at, message in [("2026-11-23T02:34:57.000000Z", "first"), ("2026-11-23T02:34:58.000000Z", "second")]
    ]
    lost = DeadLetter("table_writer", "2026-11-23T02:34:59.000000Z", Failure("RecordsExpired", "gone"), 1, source, None)
    body = "".join(f"{letter.to_json()}\n" for letter in [*letters, lost])
    lake.put(f"dead-letters/{NOW.path}/message.json", body.encode(), NAMES.dead_letter_bucket)
    record = SourceRecord(b"not an event", "key", "shardId-000000000000", "1", 0, 1_795_401_296_000)
    row = Row(json.dumps({"request_id": "r00005"}, separators=(",", ":")).encode(), "2", 0, 1_795_401_296_000)
    lake.put(
        f"firehose-errors/processing-failed/{NOW.path}/one",
        processing_failed_object([ProcessingFailure(record, "Lambda.Failed", "status failed", 1, 2)], "arn"),
    )
    lake.put(
        f"firehose-errors/format-conversion-failed/{NOW.path}/two",
        conversion_failed_object([ConversionFailure(row, "Malformed", "no match", 1_795_401_297_000)], CATALOG),
    )
    return lake


def test_every_query_says_in_its_first_line_what_it_answers():
    assert len(QUERIES) == 7
    for sql in QUERIES.values():
        assert sql.startswith("-- ")
        assert len(sql.splitlines()[0]) <= 127


def test_every_query_reads_the_last_days_only():
    for sql in QUERIES.values():
        names = [table.name for table in tables()] + ["events"]
        tables_read = sum(sql.count(f"FROM {name}\n") + sql.count(f"FROM {name} ") for name in names)
        assert sql.count("dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)") == tables_read


def test_events_over_time(filled):
    hour = NOW.start.replace(tzinfo=None)
    assert filled.query(QUERIES["events_over_time"]) == [(hour, 6)]


def test_top_sources(filled):
    rows = filled.query(QUERIES["top_sources"])
    assert [row[:4] for row in rows] == [("203.0.113.9", "curl", 4, 28), ("198.51.100.7", None, 2, 14)]


def test_duplicates(filled):
    assert filled.query(QUERIES["duplicates"]) == [(NOW.dt, NOW.hour, 7, 6, 1)]


def test_landing_latency_is_from_acceptance_to_the_object(filled):
    ((dt, hour, events, median, p99, longest),) = filled.query(QUERIES["landing_latency"])
    since = (datetime.now(UTC) - NOW.start).total_seconds()
    assert (dt, hour, events) == (NOW.dt, NOW.hour, 7)
    assert since - 60 < median <= p99 <= longest + 0.001
    assert longest < since + 5


def test_dead_letters_by_reason(filled):
    rows = filled.query(QUERIES["dead_letters_by_reason"])
    assert [(row[0], row[1], row[2], row[3], row[6]) for row in rows][:1] == [
        ("table", "table_writer", "PoisonEvent", 2, "second")
    ]
    assert {(row[0], row[1], row[2], row[3], row[6]) for row in rows[1:]} == {
        ("table", "table_writer", "RecordsExpired", 1, "gone"),
        ("lake", "processing-failed", "Lambda.Failed", 1, "status failed"),
        ("lake", "format-conversion-failed", "Malformed", 1, "no match"),
    }


def test_schema_mismatches(filled):
    rows = filled.query(QUERIES["schema_mismatches"])
    assert [(row[0], row[1], row[4]) for row in rows] == [("fare", 2, "r00005"), ("at", 1, "r00004")]


def test_the_journey_of_an_event_that_landed_twice(filled):
    rows = filled.query(QUERIES["event_journey"], "r00003")
    assert sorted(row[0] for row in rows) == ["accepted", "in the lake", "in the lake"]
    assert {row[3] for row in rows if row[0] == "in the lake"} == {
        f"s3://{NAMES.lake_bucket}/{key}" for key in filled.keys("events/")
    }


def test_the_journey_of_an_event_that_failed(filled):
    rows = filled.query(QUERIES["event_journey"], "r00002")
    assert [(row[0], row[3]) for row in rows if row[0] == "dead letter"] == [
        ("dead letter", "table_writer: PoisonEvent: first"),
        ("dead letter", "table_writer: PoisonEvent: second"),
    ]
    rows = filled.query(QUERIES["event_journey"], "r00005")
    assert [(row[0], row[3]) for row in rows if row[0] == "Firehose error"] == [
        ("Firehose error", "Malformed: no match")
    ]


def test_the_journey_of_no_event_is_empty(filled):
    assert filled.query(QUERIES["event_journey"], "nothing") == []


def test_dead_letters_and_firehose_errors_are_tables(filled):
    gone = "SELECT error.message, source.shard_id FROM dead_letters WHERE error.type = 'RecordsExpired'"
    assert filled.query(gone) == [("gone", "shardId-000000000000")]
    (found,) = filled.query("SELECT rawdata FROM firehose_errors WHERE error_type = 'processing-failed'")
    assert base64.b64decode(found[0]) == b"not an event"
