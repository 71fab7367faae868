"""What a value becomes in its typed column."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.lake.columns import Column, Kind
from archive.lake.typed_values import fit_for

BIGINT = (-(1 << 63), (1 << 63) - 1)


def fit(kind: Kind, value: str, type_: str = "string") -> str | None:
    return fit_for(Column("c", type_, "", "c", kind))(value)


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        (Kind.TEXT, '"a\\"é\\u00e9"', '"a\\"é\\u00e9"'),
        (Kind.TEXT, "1", None),
        (Kind.TEXT, "{}", None),
        (Kind.BOOLEAN, "true", "true"),
        (Kind.BOOLEAN, '"true"', None),
        (Kind.BOOLEAN, "1", None),
        (Kind.OBJECT, '{"a":1.10}', '"{\\"a\\":1.10}"'),
        (Kind.OBJECT, '"{}"', None),
        (Kind.OBJECT, "[]", None),
        (Kind.ARRAY, "[1,2]", '"[1,2]"'),
        (Kind.ARRAY, "{}", None),
        (Kind.INTEGER, "-12", "-12"),
        (Kind.INTEGER, "-0", "0"),
        (Kind.INTEGER, "0", "0"),
        (Kind.INTEGER, "1.0", "1"),
        (Kind.INTEGER, "1.20e1", "12"),
        (Kind.INTEGER, "1.5", None),
        (Kind.INTEGER, "9223372036854775807", "9223372036854775807"),
        (Kind.INTEGER, "-9223372036854775808", "-9223372036854775808"),
        (Kind.INTEGER, "9223372036854775808", None),
        (Kind.INTEGER, "1e9999", None),
        (Kind.INTEGER, "1e999999999", None),
        (Kind.INTEGER, '"12"', None),
        (Kind.INTEGER, "true", None),
        (Kind.NUMBER, "1.10", "1.10"),
        (Kind.NUMBER, "1e400", None),
        (Kind.NUMBER, "1E2", "100.0"),
        (Kind.NUMBER, "9" * 400, None),
        (Kind.NUMBER, '"1.1"', None),
        (Kind.DATE_TIME, '"2026-11-23T02:34:56Z"', '"2026-11-23T02:34:56Z"'),
        (Kind.DATE_TIME, '"2026-11-23T02:34:56.123456Z"', '"2026-11-23T02:34:56.123Z"'),
        (Kind.DATE_TIME, '"2026-11-23T02:34:56.5+01:30"', '"2026-11-23T01:04:56.500Z"'),
        (Kind.DATE_TIME, '"2026-11-23t02:34:56z"', '"2026-11-23T02:34:56.000Z"'),
        (Kind.DATE_TIME, '"2026-02-29T02:34:56Z"', None),
        (Kind.DATE_TIME, '"2024-02-29T02:34:56Z"', '"2024-02-29T02:34:56Z"'),
        (Kind.DATE_TIME, '"2026-11-23T24:00:00Z"', None),
        (Kind.DATE_TIME, '"2016-12-31T23:59:60Z"', None),
        (Kind.DATE_TIME, '"0001-01-01T00:00:00+01:00"', None),
        (Kind.DATE_TIME, '"2026-11-23"', None),
        (Kind.DATE_TIME, '"2026-11-23T02:34:56"', None),
        (Kind.DATE_TIME, "1795401296", None),
        (Kind.DATE_TIME, '"٢٠٢٦-11-23T02:34:56Z"', None),
    ],
)
def test_a_value_fits_its_column_or_does_not(kind, value, cell):
    assert fit(kind, value) == cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("12.5", '"12.50"'),
        ('"12.5"', '"12.50"'),
        ("-0.01", '"-0.01"'),
        ("-0", '"0.00"'),
        ("0.0000", '"0.00"'),
        ("1.230", '"1.23"'),
        ("1.234", None),
        ("12345678.99", '"12345678.99"'),
        ("123456789", None),
        ("1e7", '"10000000.00"'),
        ("1e8", None),
        ("125e-2", '"1.25"'),
        ("1e999", None),
        ('"12.5', None),
        ('"abc"', None),
        ('" 1"', None),
        ('"NaN"', None),
        ("true", None),
        ("{}", None),
    ],
)
def test_a_decimal_keeps_every_digit_or_does_not_fit(value, cell):
    assert fit(Kind.DECIMAL, value, "decimal(10,2)") == cell


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_decimals_come_out_equal(number):
    cell = fit(Kind.DECIMAL, str(number), "decimal(38,4)")
    assert cell is not None
    assert Decimal(json.loads(cell)) == number


@given(st.integers(-(1 << 70), 1 << 70))
def test_integers_fit_where_64_bits_hold_them(number):
    assert fit(Kind.INTEGER, str(number)) == (str(number) if BIGINT[0] <= number <= BIGINT[1] else None)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_come_out_equal(number):
    cell = fit(Kind.NUMBER, repr(number))
    assert cell is not None
    assert float(cell) == number


@given(st.datetimes(timezones=st.just(UTC)))
def test_date_times_come_out_equal_to_the_millisecond(at: datetime):
    cell = fit(Kind.DATE_TIME, json.dumps(at.isoformat()))
    assert cell is not None
    assert datetime.fromisoformat(json.loads(cell)) == at.replace(microsecond=at.microsecond // 1000 * 1000)
