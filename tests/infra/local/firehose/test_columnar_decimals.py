"""Decimals in whole batches: as record by record, or left to that."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.firehose.columnar_json import BatchReader, NotUniform
from infra.openx.glue_types import Column
from infra.openx.json_rows import OpenXRules, RowReader

COLUMNS = [Column("fare", pa.decimal128(10, 2)), Column("n", pa.int64())]
BATCHES, ROWS = BatchReader(COLUMNS, OpenXRules()), RowReader(COLUMNS, OpenXRules())


def records(*fares) -> list[bytes]:
    return [json.dumps({"fare": fare, "n": number}).encode() for number, fare in enumerate(fares)]


def row_by_row(lines: list[bytes]) -> pa.Table:
    return ROWS.table([row for line in lines for row in ROWS.rows(line)])


def test_decimals_in_strings_are_read_at_once():
    lines = records("12.50", "-0.01", None, "12345678.99", "7")
    assert BATCHES.table(lines).equals(row_by_row(lines))


@pytest.mark.parametrize("fare", ["1.234", "123456789.00", 1.5, "1e2", " 1", "+1", "", "x", "1" * 39, True])
def test_any_other_is_left_to_the_careful_reader(fare):
    with pytest.raises(NotUniform):
        BATCHES.table(records("1.00", fare))


@given(st.lists(st.none() | st.decimals(-99_999_999, 99_999_999, places=2).map(str), min_size=1))
def test_both_readers_give_the_same(fares):
    lines = records(*fares)
    assert BATCHES.table(lines).equals(row_by_row(lines))
