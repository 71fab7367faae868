"""The tables: for Glue, for Terraform, as DDL, and the view over them."""

import base64
import json
import re

import pytest
import sqlglot
from sqlglot import exp

from archive.lake.layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX
from archive.lake.tables import (
    tables,
    terraform_document,
    view_columns,
    view_glue_input,
    view_sql,
)
from infra.openx.glue_types import parse_type

NAMES = ["events_landing", "events_compacted", "compacted_hours", "dead_letters", "firehose_errors"]


def table(name: str):
    return next(each for each in tables() if each.name == name)


def test_these_are_the_tables():
    assert [each.name for each in tables()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_partitions_are_projected_by_day_and_hour(name):
    parameters = table(name).parameters("bucket")
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.dt.range"] == "2026-01-01,NOW"
    assert (parameters["projection.hour.range"], parameters["projection.hour.digits"]) == ("0,23", "2")
    assert parameters["storage.location.template"].endswith("dt=${dt}/hour=${hour}/")


def test_tables_lie_where_firehose_and_the_archiver_write():
    def of_firehose(prefix: str) -> str:
        return (
            prefix.replace("!{timestamp:yyyy-MM-dd}", "${dt}")
            .replace("!{timestamp:HH}", "${hour}")
            .replace("!{firehose:error-output-type}", "${error_type}")
        )

    assert table("events_landing").path == of_firehose(FIREHOSE_PREFIX)
    assert table("firehose_errors").path == of_firehose(FIREHOSE_ERROR_PREFIX)
    assert table("dead_letters").path == "dead-letters/dt=${dt}/hour=${hour}/"


@pytest.mark.parametrize("name", NAMES)
def test_every_column_has_a_type_that_glue_knows_and_a_name_in_lower_case(name):
    for column in table(name).columns:
        parse_type(column.type)
        assert column.name == column.name.lower()
        assert column.comment


@pytest.mark.parametrize("name", NAMES)
def test_the_ddl_is_athenas_and_matches_the_glue_input(name):
    ddl, shown = table(name).ddl("bucket"), table(name).glue_input("bucket")
    assert isinstance(sqlglot.parse_one(ddl, read="athena"), exp.Create)
    found = re.findall(r"^  `(\w+)` (\S+) COMMENT", ddl, re.MULTILINE)
    columns = shown["StorageDescriptor"]["Columns"] + shown["PartitionKeys"]
    assert found == [(column["Name"], column["Type"]) for column in columns]
    assert f"LOCATION '{shown['StorageDescriptor']['Location']}'" in ddl
    for key, value in shown["Parameters"].items():
        assert key == "EXTERNAL" or f"'{key}' = '{value}'" in ddl


def test_the_view_gives_every_column_in_both_its_halves():
    union = sqlglot.parse_one(view_sql(), read="athena")
    assert isinstance(union, exp.Union)
    wanted = [column.name for column in view_columns()]
    for half in (union.left, union.right):
        assert [each.alias_or_name for each in half.selects] == wanted


def test_the_view_is_stored_as_athena_stores_one():
    shown = view_glue_input("spillway_dev")
    text = shown["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    stored = json.loads(base64.b64decode(text))
    assert stored["originalSql"] == view_sql()
    assert (stored["catalog"], stored["schema"]) == ("awsdatacatalog", "spillway_dev")
    assert stored["columns"][0] == {"name": "timestamp", "type": "timestamp(3)"}
    assert [each["name"] for each in stored["columns"]] == [
        each["Name"] for each in shown["StorageDescriptor"]["Columns"]
    ]


def test_terraform_and_glue_get_the_same_tables():
    document = terraform_document()
    for each in tables():
        shown, glue = document["tables"][each.name], each.glue_input("${bucket}")
        assert shown["parameters"] == glue["Parameters"]
        assert shown["location"] == glue["StorageDescriptor"]["Location"]
        assert [column["name"] for column in shown["columns"]] == [column.name for column in each.columns]
    assert document["view"]["sql"] == view_sql()
