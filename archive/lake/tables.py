"""The lake's tables, defined once: for Glue's API, for Terraform, and as the DDL in the docs.

Every table is partitioned by `dt` and `hour`. Athena computes the partitions (partition projection): no crawler runs,
and queries see a new hour as soon as its first object is written. Times are UTC.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from archive.lake import layout
from archive.lake.columns import PARTITIONS, Column, columns, glue_columns

LANDING_TABLE: Final = "events_landing"
COMPACTED_TABLE: Final = "events_compacted"
COMPACTED_HOURS: Final = "compacted_hours"
EVENTS: Final = "events"
DEAD_LETTERS: Final = "dead_letters"
FIREHOSE_ERRORS: Final = "firehose_errors"
FIRST_DAY: Final = "2026-01-01"  # partitions are projected from here on; the lake holds nothing older

VIEW_FILE: Final = Path(__file__).parent / "views" / "events.sql"
TERRAFORM_FILE: Final = Path(__file__).parents[2] / "infra" / "terraform" / "lake_tables.json"

Bucket = Literal["lake", "dead_letters"]
Format = Literal["parquet", "parquet_manifest", "json"]

_HIVE: Final = "org.apache.hadoop.hive.ql.io"
_PARQUET_SERDE: Final = f"{_HIVE}.parquet.serde.ParquetHiveSerDe"
# Input format, output format, SerDe. A manifest is a text file that lists the Parquet files to read. Replacing this one
# object replaces all of the table's files for that hour in one step.
_FORMATS: Final[dict[Format, tuple[str, str, str]]] = {
    "parquet": (
        f"{_HIVE}.parquet.MapredParquetInputFormat",
        f"{_HIVE}.parquet.MapredParquetOutputFormat",
        _PARQUET_SERDE,
    ),
    "parquet_manifest": (f"{_HIVE}.SymlinkTextInputFormat", f"{_HIVE}.HiveIgnoreKeyTextOutputFormat", _PARQUET_SERDE),
    "json": (
        "org.apache.hadoop.mapred.TextInputFormat",
        f"{_HIVE}.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
}
_ERROR_TYPE: Final = Column("error_type", "string", "what Firehose could not do: transform it, or make it Parquet")
_PROJECTIONS: Final[dict[str, dict[str, str]]] = {
    "dt": {"type": "date", "format": "yyyy-MM-dd", "range": f"{FIRST_DAY},NOW"},
    "hour": {"type": "integer", "range": "0,23", "digits": "2"},
    "error_type": {"type": "enum", "values": "processing-failed,format-conversion-failed"},
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the lake.

    Args:
        name: name in the database.
        comment: what a row of the table is.
        bucket: which of the pipeline's buckets holds it.
        folder: the key prefix of its partitions, without a slash at its end.
        columns: columns other than the partition columns.
        format: format of its objects.
        partitions: partition columns, in the order of the path.
    """

    name: str
    comment: str
    bucket: Bucket
    folder: str
    columns: tuple[Column, ...]
    format: Format
    partitions: tuple[Column, ...] = PARTITIONS

    @property
    def path(self) -> str:
        """Path of a partition in the bucket, with `${name}` in place of each value."""
        levels = [
            f"{each.name}=${{{each.name}}}" if each in PARTITIONS else f"${{{each.name}}}" for each in self.partitions
        ]
        return "/".join((self.folder, *levels, ""))

    def parameters(self, bucket: str) -> dict[str, str]:
        """Glue's table parameters, including those that configure partition projection.

        Args:
            bucket: its name.
        """
        projection = {
            f"projection.{partition.name}.{option}": value
            for partition in self.partitions
            for option, value in _PROJECTIONS[partition.name].items()
        }
        return {
            "EXTERNAL": "TRUE",
            "classification": "json" if self.format == "json" else "parquet",
            "projection.enabled": "true",
            **projection,
            "storage.location.template": f"s3://{bucket}/{self.path}",
        }

    def glue_input(self, bucket: str) -> dict[str, Any]:
        """The table as Glue's CreateTable takes it.

        Args:
            bucket: its name.
        """
        input_format, output_format, serde = _FORMATS[self.format]
        return {
            "Name": self.name,
            "Description": self.comment,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": self.parameters(bucket),
            "PartitionKeys": glue_columns(self.partitions),
            "StorageDescriptor": {
                "Columns": glue_columns(self.columns),
                "Location": f"s3://{bucket}/{self.folder}/",
                "InputFormat": input_format,
                "OutputFormat": output_format,
                "SerdeInfo": {"SerializationLibrary": serde},
            },
        }

    def ddl(self, bucket: str) -> str:
        """The table as a CREATE statement for Athena.

        Args:
            bucket: its name.
        """
        input_format, output_format, serde = _FORMATS[self.format]
        parameters = {name: value for name, value in self.parameters(bucket).items() if name != "EXTERNAL"}
        properties = ",\n".join(f"  '{name}' = '{value}'" for name, value in parameters.items())
        return (
            f"CREATE EXTERNAL TABLE {self.name} (\n{_ddl_columns(self.columns)}\n)\n"
            f"COMMENT {_quoted(self.comment)}\n"
            f"PARTITIONED BY (\n{_ddl_columns(self.partitions)}\n)\n"
            f"ROW FORMAT SERDE '{serde}'\n"
            f"STORED AS INPUTFORMAT '{input_format}'\n  OUTPUTFORMAT '{output_format}'\n"
            f"LOCATION 's3://{bucket}/{self.folder}/'\n"
            f"TBLPROPERTIES (\n{properties}\n)"
        )


def tables() -> tuple[Table, ...]:
    """Every table of the lake. The view `events` reads from them."""
    return (
        Table(LANDING_TABLE, "events as Firehose delivers them, in small files; some twice", "lake",
              layout.LANDING, columns(), "parquet"),
        Table(COMPACTED_TABLE, "events of compacted hours, once in neighbouring hours, in large sorted files", "lake",
              layout.MANIFESTS, columns(), "parquet_manifest"),
        Table(COMPACTED_HOURS, "the hours that the view events takes from events_compacted", "lake",
              layout.HOURS, _COMPACTED_HOURS, "json"),
        Table(DEAD_LETTERS, "events that could not be written to DynamoDB, and why", "dead_letters",
              layout.DEAD_LETTERS,              _DEAD_LETTERS, "json"),
        Table(FIREHOSE_ERRORS, "records that Firehose could not bring to the lake, and why", "lake",
              layout.FIREHOSE_ERRORS, _FIREHOSE_ERRORS, "json", (_ERROR_TYPE, *PARTITIONS)),
    )  # fmt: skip


def view_sql() -> str:
    """The query behind the view `events`, in Athena's dialect."""
    names = ", ".join(f'c."{column.name}"' for column in columns())
    return VIEW_FILE.read_text(encoding="utf-8").format(columns=names, first_day=FIRST_DAY)


def view_columns() -> tuple[Column, ...]:
    """The columns of the view `events`."""
    return columns() + PARTITIONS


def view_glue_input(database: str) -> dict[str, Any]:
    """The view as Glue's CreateTable takes it, in the form in which Athena itself stores a view."""
    text = json.dumps(
        {
            "originalSql": view_sql(),
            "catalog": "awsdatacatalog",
            "schema": database,
            "columns": [{"name": column.name, "type": _presto_type(column.type)} for column in view_columns()],
        }
    )
    return {
        "Name": EVENTS,
        "Description": VIEW_COMMENT,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {"Columns": glue_columns(view_columns()), "Location": "", "SerdeInfo": {}},
        "ViewOriginalText": f"/* Presto View: {base64.b64encode(text.encode()).decode('ascii')} */",
        "ViewExpandedText": "/* Presto View */",
    }


def terraform_document() -> dict[str, Any]:
    """Content of `infra/terraform/lake_tables.json`, with `${bucket}` in place of a bucket's name."""
    return {
        "landing_prefix": layout.FIREHOSE_PREFIX,
        "error_prefix": layout.FIREHOSE_ERROR_PREFIX,
        "tables": {
            table.name: {
                "comment": table.comment,
                "bucket": table.bucket,
                "location": f"s3://${{bucket}}/{table.folder}/",
                "columns": _terraform_columns(table.columns),
                "partitions": _terraform_columns(table.partitions),
                "parameters": table.parameters("${bucket}"),
                "input_format": _FORMATS[table.format][0],
                "output_format": _FORMATS[table.format][1],
                "serde": _FORMATS[table.format][2],
            }
            for table in tables()
        },
        "view": {
            "name": EVENTS,
            "comment": VIEW_COMMENT,
            "sql": view_sql(),
            "columns": _terraform_columns(view_columns()),
            "presto_columns": [{"name": column.name, "type": _presto_type(column.type)} for column in view_columns()],
        },
    }


VIEW_COMMENT: Final = (
    "events: compacted where their hour is compacted, as delivered where not yet; each once within an hour"
)


def _terraform_columns(columns: tuple[Column, ...]) -> list[dict[str, str]]:
    return [{"name": column.name, "type": column.type, "comment": column.comment} for column in columns]


def _presto_type(hive: str) -> str:
    return {"string": "varchar", "timestamp": "timestamp(3)"}.get(hive, hive)


def _ddl_columns(columns: tuple[Column, ...]) -> str:
    return ",\n".join(
        f"  `{column.name}` {column.type}{f' COMMENT {_quoted(column.comment)}' if column.comment else ''}"
        for column in columns
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"  # Athena's DDL escapes quotes as Hive does


_COMPACTED_HOURS: Final = (
    Column("visible_from", "string", "queries begun from then on read the hour's compacted files; ISO 8601, UTC"),
)
_DEAD_LETTERS: Final = (
    Column("version", "int", "of this format"),
    Column("stage", "string", "the part of the pipeline that gave up"),
    Column("failed_at", "string", "when; ISO 8601, UTC"),
    Column("error", "struct<type:string,message:string>", "why"),
    Column("attempts", "int", "how often it was tried"),
    Column(
        "source",
        "struct<stream:string,shard_id:string,sequence_number:string,subsequence_number:int,partition_key:string,"
        "arrived_at:string>",
        "where on the stream it was",
    ),
    Column("data", "string", "the record's exact bytes, base64"),
    Column("data_ref", "string", "the S3 URI of the bytes where they were too many"),
    Column("replays", "int", "how often it had been put back before"),
)
# As recorded from the service: each of the two error types has its own members. Glue keeps names in lower case.
_FIREHOSE_ERRORS: Final = (
    Column("rawdata", "string", "base64: the record as read where the transform failed, the row where conversion did"),
    Column("errorcode", "string", "why, processing-failed"),
    Column("errormessage", "string", "the same in words"),
    Column("lasterrorcode", "string", "why, format-conversion-failed"),
    Column("lasterrormessage", "string", "the same in words"),
    Column("attemptsmade", "int", "how often it was tried"),
    Column("arrivaltimestamp", "bigint", "arrival on the stream, milliseconds since 1970"),
    Column("attemptendingtimestamp", "bigint", "end of the last try, milliseconds since 1970"),
    Column("sequencenumber", "string", "on the stream, format-conversion-failed"),
    Column("subsequencenumber", "bigint", "within an aggregate, format-conversion-failed"),
    Column("lambdaarn", "string", "the transform, processing-failed"),
)
