"""Whether the schema may change, with the files that are there."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from archive.compaction.job import Compaction
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
