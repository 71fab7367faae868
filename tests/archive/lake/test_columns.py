"""The lake's columns."""

import pytest

from archive.lake.columns import ENVELOPE, SchemaError, arrow_schema, columns, glue_columns, payload_columns


def test_the_envelope_has_the_columns_that_the_design_names():
    assert [(column.name, column.type) for column in ENVELOPE] == [
        ("timestamp", "timestamp"),
        ("timestamp_micros", "bigint"),
        ("request_id", "string"),
        ("source_ip", "string"),
        ("user_agent", "string"),
        ("payload", "string"),
        ("_mismatches", "string"),
    ]


def test_every_property_of_one_type_has_a_column():
    schema = {
        "properties": {
            "Carrier": {"type": "string", "description": "who flies"},
            "flight": {"type": ["integer", "null"]},
            "distance": {"type": "number"},
            "late": {"type": "boolean"},
            "scheduled": {"type": "string", "format": "date-time"},
            "day": {"type": "string", "format": "date"},
            "fare": {"type": "number", "format": "decimal(10,2)"},
            "tax": {"type": ["string", "null"], "format": "decimal(38,0)"},
            "route": {"type": "object"},
            "stops": {"type": "array"},
            "on-time": {"type": "boolean"},
            "anything": True,
            "either": {"type": ["string", "integer"]},
        }
    }
    found = payload_columns(schema)
    assert [(column.name, column.type, column.property) for column in found] == [
        ("carrier", "string", "Carrier"),
        ("flight", "bigint", "flight"),
        ("distance", "double", "distance"),
        ("late", "boolean", "late"),
        ("scheduled", "timestamp", "scheduled"),
        ("day", "string", "day"),
        ("fare", "decimal(10,2)", "fare"),
        ("tax", "decimal(38,0)", "tax"),
        ("route", "string", "route"),
        ("stops", "string", "stops"),
        ("on_time", "boolean", "on-time"),
    ]
    assert glue_columns(found)[0] == {"Name": "carrier", "Type": "string", "Comment": "who flies"}


@pytest.mark.parametrize("properties", [["Timestamp"], ["dt"], ["payload"], ["a", "A"], ["a-b", "a_b"], [""]])
def test_two_columns_of_one_name_are_refused(properties):
    with pytest.raises(SchemaError, match="rename the property"):
        payload_columns({"properties": {name: {"type": "string"} for name in properties}})


@pytest.mark.parametrize("format_", ["decimal", "decimal(0,0)", "decimal(39,2)", "decimal(4,5)", "decimal(10, 2)"])
def test_a_decimal_that_no_column_holds_is_refused(format_):
    with pytest.raises(SchemaError, match="is not decimal"):
        payload_columns({"properties": {"fare": {"type": "number", "format": format_}}})


def test_glue_and_arrow_have_the_same_columns():
    assert [column["Name"] for column in glue_columns(columns())] == arrow_schema(columns()).names
