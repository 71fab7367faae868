"""A query on AWS: through the environment's Athena workgroup, with progress, bytes scanned and cost."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from infra.querying.sql_error import QueryFailed, from_athena

POLL_SECONDS: Final = 0.5
DOLLARS_PER_TB: Final = 5.00  # us-east-1, 2026; https://aws.amazon.com/athena/pricing/
TB: Final = 1024**4
LEAST_BILLED_BYTES: Final = 10 * 1024**2  # a query is billed for 10 MB at least
_ENDED: Final = ("SUCCEEDED", "FAILED", "CANCELLED")
_DECIMAL: Final = re.compile(r"decimal\((\d+), ?(\d+)\)")


@dataclass(frozen=True, slots=True)
class Scan:
    """What a query has cost so far.

    Args:
        state: Athena's, such as `RUNNING`.
        scanned_bytes: read from S3.
        seconds: since it was started.
    """

    state: str
    scanned_bytes: int
    seconds: float

    @property
    def dollars(self) -> float:
        """What Athena bills for it, at the price of us-east-1."""
        return max(self.scanned_bytes, LEAST_BILLED_BYTES) / TB * DOLLARS_PER_TB


class AthenaQuery:
    """Runs queries in one workgroup.

    Args:
        athena: a client.
        workgroup: which says where results go, and how much a query may scan.
        database: of the lake.
        progress: is told after every look.
        sleep, monotonic: the clock.
    """

    def __init__(
        self,
        athena: Any,
        workgroup: str,
        database: str,
        progress: Callable[[Scan], None] = lambda _: None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._athena = athena
        self._workgroup = workgroup
        self._database = database
        self._progress = progress
        self._sleep = sleep
        self._monotonic = monotonic

    def run(self, sql: str, parameters: Sequence[str] = ()) -> tuple[pa.Table, Scan]:
        """Run a statement to its end; the rows, and what it cost. Interrupted, it is stopped, and so not billed on.

        Raises:
            QueryFailed: Athena refuses it, or it failed.
        """
        request: dict[str, Any] = {
            "QueryString": sql,
            "QueryExecutionContext": {"Database": self._database},
            "WorkGroup": self._workgroup,
        }
        if parameters:  # values of SQL, so text stands in quotes
            request["ExecutionParameters"] = ["'" + each.replace("'", "''") + "'" for each in parameters]
        started = self._monotonic()
        try:
            execution = self._athena.start_query_execution(**request)["QueryExecutionId"]
        except self._athena.exceptions.InvalidRequestException as error:
            raise from_athena(sql, str(error.response["Error"]["Message"])) from error
        try:
            scan = self._wait(sql, execution, started)
        except KeyboardInterrupt:
            self._athena.stop_query_execution(QueryExecutionId=execution)
            raise
        return self._rows(execution), scan

    def _wait(self, sql: str, execution: str, started: float) -> Scan:
        while True:
            answer = self._athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            scan = Scan(
                answer["Status"]["State"],
                answer.get("Statistics", {}).get("DataScannedInBytes", 0),
                self._monotonic() - started,
            )
            self._progress(scan)
            if scan.state in _ENDED:
                break
            self._sleep(POLL_SECONDS)
        if scan.state != "SUCCEEDED":
            reason = answer["Status"].get("StateChangeReason") or f"the query was {scan.state.lower()}"
            raise from_athena(sql, reason)
        return scan

    def _rows(self, execution: str) -> pa.Table:
        columns: list[dict[str, Any]] = []
        rows: list[list[str | None]] = []
        for page in self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution):
            result = page["ResultSet"]
            columns = result["ResultSetMetadata"]["ColumnInfo"]
            rows += [[cell.get("VarCharValue") for cell in row.get("Data", [])] for row in result["Rows"]]
        if rows and rows[0] == [column["Name"] for column in columns]:
            del rows[0]  # a SELECT's first row holds the headings
        return pa.Table.from_arrays(
            [_array(column, values) for column, values in zip(columns, _turned(rows, len(columns)), strict=True)],
            names=[column["Name"] for column in columns],
        )


def _turned(rows: list[list[str | None]], width: int) -> Iterator[list[str | None]]:
    for column in range(width):
        yield [row[column] if column < len(row) else None for row in rows]


def _array(column: dict[str, Any], values: list[str | None]) -> "pa.Array[Any]":
    """Athena's text for a column's values, as values of its type; types not listed stay text."""
    name = column["Type"]
    if name == "decimal":
        name = f"decimal({column['Precision']},{column['Scale']})"
    if digits := _DECIMAL.fullmatch(name):
        kind: pa.DataType = pa.decimal128(int(digits[1]), int(digits[2]))
        read: Callable[[str], Any] = Decimal
    else:
        kind, read = _TYPES.get(name, (pa.string(), str))
    if read is _zoned and not all(value is None or value.endswith(" UTC") for value in values):
        kind, read = pa.string(), str  # zones other than UTC keep their names
    try:
        return pa.array([None if value is None else read(value) for value in values], kind)
    except (ValueError, pa.ArrowInvalid) as error:
        raise QueryFailed(f"column {column['Name']}: Athena's {name} cannot be read: {error}") from error


def _zoned(text: str) -> datetime:
    """A timestamp in UTC; Athena writes the name of the zone behind it."""
    return datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)


_TYPES: Final[dict[str, tuple[pa.DataType, Callable[[str], Any]]]] = {
    "boolean": (pa.bool_(), lambda text: text == "true"),
    "tinyint": (pa.int8(), int),
    "smallint": (pa.int16(), int),
    "integer": (pa.int32(), int),
    "bigint": (pa.int64(), int),
    "float": (pa.float32(), float),
    "real": (pa.float32(), float),
    "double": (pa.float64(), float),
    "date": (pa.date32(), date.fromisoformat),
    "timestamp": (pa.timestamp("ms"), datetime.fromisoformat),
    "timestamp with time zone": (pa.timestamp("ms", "UTC"), _zoned),
}
