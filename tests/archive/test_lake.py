"""The lake's columns."""

import pytest

from archive.lake import ENVELOPE, SchemaError, arrow_schema, columns, glue_columns, payload_columns


def test_the_envelope_has_the_columns_that_the_design_names():
    assert [(column.name, column.type) for column in ENVELOPE] == [
        ("timestamp", "timestamp"),
        ("timestamp_micros", "bigint"),
        ("request_id", "string"),
        ("source_ip", "string"),
        ("user_agent", "string"),
        ("payload", "string"),
    ]


def test_every_scalar_property_has_a_column():
    schema = {
        "properties": {
            "Carrier": {"type": "string", "description": "who flies"},
            "flight": {"type": ["integer", "null"]},
            "distance": {"type": "number"},
            "late": {"type": "boolean"},
            "route": {"type": "object"},
            "stops": {"type": "array"},
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
    ]
    assert glue_columns(found)[0] == {"Name": "carrier", "Type": "string", "Comment": "who flies"}


@pytest.mark.parametrize("properties", [["Timestamp"], ["dt"], ["payload"], ["a", "A"]])
def test_two_columns_of_one_name_are_refused(properties):
    with pytest.raises(SchemaError, match="rename the property"):
        payload_columns({"properties": {name: {"type": "string"} for name in properties}})


def test_glue_and_arrow_have_the_same_columns():
    assert [column["Name"] for column in glue_columns(columns())] == arrow_schema(columns()).names
