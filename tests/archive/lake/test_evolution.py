"""Whether the schema may change, with the files that are there."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from archive.compaction.athena import AthenaEngine
from archive.compaction.job import Compaction, CompactionFailed, Outcome, Task
from archive.compaction.local import LocalEngine
from archive.lake.columns import ENVELOPE, arrow_schema, payload_columns
from archive.lake.evolution import changes
from tests.archive.lake.lakes import HOUR, NAMES, a_row
from tests.clock import FakeClock


def schema(**properties: dict | str) -> dict:
    return {
        "properties": {name: {"type": each} if isinstance(each, str) else each for name, each in properties.items()}
    }


DATE_TIME = {"type": "string", "format": "date-time"}


def decimal(digits: str) -> dict:
    return {"type": "number", "format": f"decimal({digits})"}


def test_adding_properties_is_safe():
    (change,) = changes(schema(a="string"), schema(b="integer", a="string"))
    assert (change.column, change.kind, change.detail, change.is_safe) == ("b", "added", "bigint", True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (schema(a="string"), schema(a={"type": "string", "description": "more", "maxLength": 3})),
        (schema(a="string", b="integer"), schema(b="integer", a="string")),
        (schema(a="string"), {**schema(a={"type": ["string", "null"]}), "required": ["a"]}),
        (schema(a="string"), schema(A="string")),
        (schema(a="object"), schema(a="array")),
        (schema(a={"type": ["string", "integer"]}), schema()),
        ({}, {}),
    ],
)
def test_what_changes_no_column_is_no_change(before, after):
    assert changes(before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "kind", "why"),
    [
        (schema(a="string"), schema(), "removed", "queries that name it fail"),
        (schema(a="string"), schema(b="string"), "renamed", "under b they read as null"),
        (schema(a="number"), schema(a="integer"), "narrowed", "values that bigint cannot"),
        (schema(a="string"), schema(a=DATE_TIME), "narrowed", "values that timestamp cannot"),
        (schema(a=decimal("10,2")), schema(a=decimal("9,2")), "narrowed", r"values that decimal\(9,2\) cannot"),
        (schema(a=decimal("10,2")), schema(a=decimal("10,4")), "narrowed", r"values that decimal\(10,4\) cannot"),
        (schema(a="number"), schema(a=decimal("10,2")), "narrowed", "cannot"),
        (schema(a="integer"), schema(a="number"), "retyped", "files hold bigint, and Athena fails"),
        (schema(a="integer"), schema(a="string"), "retyped", "files hold bigint"),
        (schema(a=decimal("10,2")), schema(a=decimal("12,2")), "retyped", r"files hold decimal\(10,2\)"),
        (schema(a="boolean"), schema(a="string"), "retyped", "files hold boolean"),
    ],
)
def test_every_other_change_is_not_safe_and_says_why(before, after, kind, why):
    change = changes(before, after)[0]
    assert (change.column, change.kind, change.is_safe) == ("a", kind, False)
    assert re.search(why, change.why)


def test_files_of_three_schemas_are_read_together_and_compacted_together(lake, monkeypatch):
    """A schema that grew twice: what a file lacks is null, before it is compacted and after."""
    grown = [
        schema(),
        schema(carrier="string"),
        schema(carrier="string", fare=decimal("10,2"), at=DATE_TIME),
    ]
    rows = [
        a_row(0),
        a_row(1, carrier="B6"),
        a_row(2, carrier="DL", fare=Decimal("12.50"), at=1_795_401_296_123),
    ]
    for each, row in zip(grown, rows, strict=True):
        lake.land([row], of=ENVELOPE + payload_columns(each))
    latest = ENVELOPE + payload_columns(grown[-1])
    for module in ("infra.querying.local_lake", "archive.lake.tables"):
        monkeypatch.setattr(f"{module}.columns", lambda: latest)
    expected = [
        ("r00000", None, None, None),
        ("r00001", "B6", None, None),
        ("r00002", "DL", "12.50", "2026-11-23 02:34:56.123"),
    ]
    sql = "SELECT request_id, carrier, CAST(fare AS varchar), CAST(at AS varchar) FROM {} ORDER BY 1"
    assert lake.query(sql.format("events")) == expected
    compaction = Compaction(
        lake.s3,
        NAMES.lake_bucket,
        LocalEngine(lake.s3, NAMES.lake_bucket, arrow_schema(latest)),
        closed_after=timedelta(0),
        visible_after=timedelta(0),
        clock=FakeClock(HOUR.end.timestamp()),
    )
    assert [outcome.rows for outcome in compaction.run([HOUR])] == [3]
    assert lake.query(sql.format("events_compacted")) == lake.query(sql.format("events")) == expected


def compacted_with(lake, of, at=HOUR.end) -> Outcome:
    """Compact with the columns of one schema."""
    run = Compaction(
        lake.s3,
        NAMES.lake_bucket,
        LocalEngine(lake.s3, NAMES.lake_bucket, arrow_schema(of)),
        closed_after=timedelta(0),
        visible_after=timedelta(0),
        clock=FakeClock(at.timestamp()),
    )
    (outcome,) = run.run([HOUR])
    return outcome


def test_a_schema_changed_back_before_compaction_costs_no_value(lake, monkeypatch):
    """Properties that left the schema keep their columns in compacted files, and are read when they come back."""
    grown = ENVELOPE + payload_columns(schema(carrier="string", fare=decimal("10,2")))
    lake.land([a_row(0, carrier="B6", fare=Decimal("12.50")), a_row(1, carrier="DL")], of=grown)
    assert compacted_with(lake, ENVELOPE).what == "compacted"
    lake.land([a_row(2)], of=ENVELOPE)
    assert compacted_with(lake, ENVELOPE).what == "extended"
    for module in ("infra.querying.local_lake", "archive.lake.tables"):
        monkeypatch.setattr(f"{module}.columns", lambda: grown)
    expected = [("B6", "12.50"), ("DL", None), (None, None)]
    assert lake.query("SELECT carrier, CAST(fare AS varchar) FROM events ORDER BY request_id") == expected


def test_two_copies_of_an_event_before_and_after_a_property_was_added_keep_its_value(lake, monkeypatch):
    grown = ENVELOPE + payload_columns(schema(carrier="string"))
    lake.land([a_row(0)], of=ENVELOPE)
    lake.land([a_row(0, carrier="B6")], of=grown)
    assert compacted_with(lake, grown).duplicates == 1
    for module in ("infra.querying.local_lake", "archive.lake.tables"):
        monkeypatch.setattr(f"{module}.columns", lambda: grown)
    assert lake.query("SELECT carrier FROM events") == [("B6",)]


def test_files_that_disagree_about_a_column_outside_the_schema_stop_the_hour(lake):
    for kind, value in (("string", "x"), ("integer", 1)):
        lake.land([a_row(0, a=value)], of=ENVELOPE + payload_columns(schema(a=kind)))
    outcome = compacted_with(lake, ENVELOPE)
    assert outcome.what == "failed"
    assert re.search(r"column a is string in events/.*, and int64 in events/", outcome.error)


def test_athena_compacts_no_file_whose_columns_it_cannot_read(lake):
    """Athena reads the table's columns alone, so the hour waits until the properties are back."""
    key = lake.land([a_row(0, carrier="B6")], of=ENVELOPE + payload_columns(schema(carrier="string")))
    engine = AthenaEngine(None, lake.s3, NAMES.lake_bucket, workgroup="w", database="d")
    with pytest.raises(CompactionFailed, match=rf"{key} has columns that the event schema does not have: carrier"):
        engine.write(Task(HOUR, [], [key], [], [], "p/"))
