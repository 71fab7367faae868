"""What flows through the local Firehose: records from the stream, rows for the lake, records that failed."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.local.firehose.settings import CatalogTable
from producers.aggregation import MalformedAggregate, deaggregate

PROCESSING_FAILED: Final = "processing-failed"
FORMAT_CONVERSION_FAILED: Final = "format-conversion-failed"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One user record of the Kinesis stream.

    Args:
        data: its bytes, before the transform.
        partition_key: of the user record.
        shard_id: where it was read.
        sequence_number: of the stream record that it is, or that holds it.
        subsequence_number: its position in its aggregate, from 0.
        arrival_ms: approximate arrival on the stream, Unix milliseconds.
    """

    data: bytes
    partition_key: str
    shard_id: str
    sequence_number: str
    subsequence_number: int
    arrival_ms: int

    @property
    def record_id(self) -> str:
        """The `recordId` that the transform sees: sequence number and six digits (as captured from AWS)."""
        return f"{self.sequence_number}{self.subsequence_number:06d}"


@dataclass(frozen=True, slots=True)
class Row:
    """One record after the transform: JSON on its way to Parquet."""

    data: bytes
    sequence_number: str
    subsequence_number: int
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class ProcessingFailure:
    """A record that the transform failed.

    Args:
        source: the record as it was read.
        code: such as `Lambda.ProcessingFailedStatus`.
        message: as AWS words it.
        attempts: invocations made for it.
        ended_ms: when the last of them ended, Unix milliseconds.
    """

    source: SourceRecord
    code: str
    message: str
    attempts: int
    ended_ms: int


@dataclass(frozen=True, slots=True)
class ConversionFailure:
    """A row that could not become Parquet.

    Args:
        row: the row, after the transform.
        code: such as `DataFormatConversion.MalformedData`.
        message: what is wrong with it.
        ended_ms: when that was found, Unix milliseconds.
    """

    row: Row
    code: str
    message: str
    ended_ms: int


def user_records(shard_id: str, stream_record: dict[str, Any]) -> list[SourceRecord]:
    """The user records in one entry of a GetRecords answer.

    A damaged aggregate passes on as it is, as with Firehose: the transform, which can't read it, fails it.
    """
    sequence_number = stream_record["SequenceNumber"]
    arrival_ms = round(stream_record["ApproximateArrivalTimestamp"].timestamp() * 1000)
    key, data = stream_record["PartitionKey"], stream_record["Data"]
    try:
        members = [(member.partition_key, member.data) for member in deaggregate(key, data)]
    except MalformedAggregate:
        members = [(key, data)]
    return [
        SourceRecord(member_data, member_key, shard_id, sequence_number, position, arrival_ms)
        for position, (member_key, member_data) in enumerate(members)
    ]


def processing_failed_object(failures: Sequence[ProcessingFailure], function_arn: str) -> bytes:
    """The error object for these records: a JSON line for each, its members in the order AWS writes them."""
    return b"".join(
        _json_line(
            {
                "rawData": base64.b64encode(failure.source.data).decode("ascii"),
                "errorCode": failure.code,
                "errorMessage": failure.message,
                "attemptsMade": failure.attempts,
                "arrivalTimestamp": failure.source.arrival_ms,
                "attemptEndingTimestamp": failure.ended_ms,
                "lambdaARN": function_arn,
            }
        )
        for failure in failures
    )


def conversion_failed_object(failures: Sequence[ConversionFailure], table: CatalogTable) -> bytes:
    """The error object for these rows: a JSON line for each, `rawData` being what the transform returned."""
    catalog_table = {
        "catalogId": table.catalog_id,
        "databaseName": table.database,
        "tableName": table.table,
        "region": table.region,
        "versionId": table.version,
        "roleArn": table.role_arn,
    }
    return b"".join(
        _json_line(
            {
                "attemptsMade": 1,
                "arrivalTimestamp": failure.row.arrival_ms,
                "lastErrorCode": failure.code,
                "lastErrorMessage": failure.message,
                "attemptEndingTimestamp": failure.ended_ms,
                "rawData": base64.b64encode(failure.row.data).decode("ascii"),
                "sequenceNumber": failure.row.sequence_number,
                "subSequenceNumber": failure.row.subsequence_number,
                "dataCatalogTable": catalog_table,
            }
        )
        for failure in failures
    )


def _json_line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
