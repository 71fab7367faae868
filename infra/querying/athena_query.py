"""A query on AWS: through the environment's Athena workgroup, with progress, bytes scanned and cost."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from archive.lake.athena import AthenaFailed, Execution, Workgroup
from infra.querying.sql_error import QueryFailed, from_athena
from producers.clock import SYSTEM_CLOCK, Clock

DOLLARS_PER_TB: Final = 5.00  # us-east-1, 2026; https://aws.amazon.com/athena/pricing/
TB: Final = 1024**4
LEAST_BILLED_BYTES: Final = 10 * 1024**2  # a query is billed for 10 MB at least
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
        progress: called with every description of the query while it runs.
        clock: for waiting.
    """

    def __init__(
        self,
        athena: Any,
        workgroup: str,
        database: str,
        progress: Callable[[Scan], None] = lambda _: None,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._statements = Workgroup(athena, workgroup, database, clock)
        self._progress = progress

    def run(self, sql: str, parameters: Sequence[str] = ()) -> tuple[pa.Table, Scan]:
        """Run a statement to its end; return the rows, and what it cost. Interrupted, it is stopped.

        Raises:
            QueryFailed: Athena refuses it, or it failed.
        """
        try:
            execution = self._statements.run(sql, parameters, watch=lambda each: self._progress(_scan(each)))
        except AthenaFailed as error:
            raise from_athena(sql, str(error)) from error
        return self._rows(execution), _scan(execution)

    def _rows(self, execution: Execution) -> pa.Table:
        columns: list[dict[str, Any]] = []
        rows: list[list[str | None]] = []
        for result in self._statements.pages(execution):
            columns = result["ResultSetMetadata"]["ColumnInfo"]
            rows += [[cell.get("VarCharValue") for cell in row.get("Data", [])] for row in result["Rows"]]
        if rows and rows[0] == [column["Name"] for column in columns]:
            del rows[0]  # a SELECT's first row holds the headings
        return pa.Table.from_arrays(
            [_array(column, values) for column, values in zip(columns, _turned(rows, len(columns)), strict=True)],
            names=[column["Name"] for column in columns],
        )


def _scan(execution: Execution) -> Scan:
    return Scan(execution.state, execution.scanned_bytes, execution.seconds)


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
