"""Which copy of an event is kept, and that no value is lost."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.compaction.copies import Origin, each_once, with_origin

FIELDS: dict[str, Any] = {
    "timestamp_micros": pa.int64(),
    "request_id": pa.string(),
    "fare": pa.decimal128(10, 2),
    "ok": pa.bool_(),
}
SCHEMA = pa.schema(list(FIELDS.items()))
VALUES = st.tuples(st.none() | st.sampled_from([Decimal("1.50"), Decimal("2.00")]), st.none() | st.booleans())
ROWS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), VALUES, st.sampled_from(list(Origin))), max_size=10)


def table(rows) -> pa.Table:
    parts = [
        with_origin(
            pa.Table.from_pylist(
                [{"timestamp_micros": at, "request_id": name, "fare": values[0], "ok": values[1]}], SCHEMA
            ),
            origin,
        )
        for at, name, values, origin in rows
    ]
    return pa.concat_tables(parts) if parts else with_origin(SCHEMA.empty_table(), Origin.LANDING)


@settings(max_examples=300, deadline=None)
@given(ROWS)
def test_the_least_origin_decides_and_each_value_is_the_first_that_a_copy_has(rows):
    expected = []
    for key in sorted({(at, name) for at, name, _, _ in rows}):
        copies = sorted((row for row in rows if (row[0], row[1]) == key), key=lambda row: row[3])
        if copies[0][3].is_of_the_hour:
            firsts = [next((row[2][n] for row in copies if row[2][n] is not None), None) for n in (0, 1)]
            expected.append((*key, *firsts))
    found = each_once(table(rows))
    assert found.schema.names == SCHEMA.names
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


def test_the_origins_are_in_the_order_that_the_rule_needs():
    assert list(Origin) == [Origin.EARLIER, Origin.COMPACTED, Origin.LATER, Origin.LANDING]
