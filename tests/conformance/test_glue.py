"""Glue: the catalogue that Firehose converts by and Athena reads by; and the files that Athena writes."""

import re

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.local_account import LocalAccount
from tests.conformance.refusals import refused

COLUMNS = [{"Name": "id", "Type": "bigint"}, {"Name": "payload", "Type": "string"}]


@pytest.fixture(scope="module")
def database(account: Account) -> str:
    """A database with a table `events`."""
    name = account.new_name("database", separator="_")
    glue = account.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(
        DatabaseName=name,
        TableInput={
            "Name": "events",
            "StorageDescriptor": {"Columns": COLUMNS, "Location": "s3://spillway-conformance-none/events/"},
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "Parameters": {"projection.enabled": "true"},
            "TableType": "EXTERNAL_TABLE",
        },
    )
    return name


@fact("[m glue GetTable]")
def test_a_table_reads_back_with_its_columns_in_order(account: Account, database: str) -> None:
    table = account.client("glue").get_table(DatabaseName=database, Name="events")["Table"]
    assert [(each["Name"], each["Type"]) for each in table["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint"),
        ("payload", "string"),
    ]


@fact("[m glue GetTable]")
def test_partition_keys_are_not_among_the_columns(account: Account, database: str) -> None:
    table = account.client("glue").get_table(DatabaseName=database, Name="events")["Table"]
    assert [each["Name"] for each in table["PartitionKeys"]] == ["dt"]


@fact("[drift]")
def test_the_parameters_of_a_table_are_texts(account: Account, database: str) -> None:
    table = account.client("glue").get_table(DatabaseName=database, Name="events")["Table"]
    assert table["Parameters"]["projection.enabled"] == "true"


@fact("[m glue GetTable]")
def test_a_missing_table_is_an_entity_not_found(account: Account, database: str) -> None:
    with refused("EntityNotFoundException"):
        account.client("glue").get_table(DatabaseName=database, Name="absent")


@fact("[m glue CreateTable]")
def test_a_table_that_exists_is_not_created_again(account: Account, database: str) -> None:
    with refused("AlreadyExistsException"):
        account.client("glue").create_table(
            DatabaseName=database, TableInput={"Name": "events", "StorageDescriptor": {"Columns": COLUMNS}}
        )


@fact("[m glue GetTableVersions]")
def test_an_update_keeps_the_version_before(account: Account, database: str) -> None:
    glue = account.client("glue")
    glue.create_table(
        DatabaseName=database, TableInput={"Name": "changed", "StorageDescriptor": {"Columns": COLUMNS[:1]}}
    )
    glue.update_table(DatabaseName=database, TableInput={"Name": "changed", "StorageDescriptor": {"Columns": COLUMNS}})
    versions = glue.get_table_versions(DatabaseName=database, TableName="changed")["TableVersions"]
    widths = {len(each["Table"]["StorageDescriptor"]["Columns"]) for each in versions}
    assert widths == {1, 2}
    assert len(glue.get_table(DatabaseName=database, Name="changed")["Table"]["StorageDescriptor"]["Columns"]) == 2


@fact("[athena ctas]", unsure=True)
def test_a_ctas_writes_files_with_random_names_and_no_extension(account: Account, database: str) -> None:
    if isinstance(account, LocalAccount):
        pytest.skip("the local pipeline has an engine of its own instead of Athena")
    bucket = account.bucket()
    athena = account.client("athena")
    query = (
        f"CREATE TABLE {database}.made WITH (format = 'PARQUET', external_location = 's3://{bucket}/made/') "
        "AS SELECT 1 AS id"
    )
    execution = athena.start_query_execution(
        QueryString=query, ResultConfiguration={"OutputLocation": f"s3://{bucket}/results/"}
    )["QueryExecutionId"]
    state = account.wait_for(
        lambda: {"SUCCEEDED": "ok", "FAILED": "failed"}.get(
            athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]["State"]
        )
    )
    assert state == "ok"
    listed = account.s3.list_objects_v2(Bucket=bucket, Prefix="made/")["Contents"]
    assert all(re.fullmatch(r"made/\d{8}_\d{6}_\d{5}_\w{5}_[0-9a-f-]{36}", each["Key"]) for each in listed)
