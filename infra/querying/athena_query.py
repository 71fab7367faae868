"""A query on AWS: through the environment's Athena workgroup, with progress, bytes scanned and cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import pyarrow as pa

from archive.lake.athena import AthenaFailed, Execution, Workgroup
from infra.querying.athena_results import from_csv, from_pages
from infra.querying.sql_error import from_athena
from producers.clock import SYSTEM_CLOCK, Clock

DOLLARS_PER_TB: Final = 5.00  # us-east-1, 2026; https://aws.amazon.com/athena/pricing/
TB: Final = 1024**4
LEAST_BILLED_BYTES: Final = 10 * 1024**2  # a query is billed for 10 MB at least


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
        s3: a client, for results of more than a page (1,000 rows); without one they come page by page.
        clock: for waiting.
    """

    def __init__(
        self,
        athena: Any,
        workgroup: str,
        database: str,
        progress: Callable[[Scan], None] = lambda _: None,
        *,
        s3: Any = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._s3 = s3
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
        """The result: from the first page where it has all, else from the object on S3, which holds the same."""
        pages = self._statements.pages(execution)
        first = next(pages)
        columns = first["ResultSetMetadata"]["ColumnInfo"]
        second = next(pages, None)
        if second is not None and self._s3 is not None and execution.output.endswith(".csv"):
            bucket, _, key = execution.output.removeprefix("s3://").partition("/")
            return from_csv(self._s3.get_object(Bucket=bucket, Key=key)["Body"], columns)
        return from_pages(chain([first], [second] if second else [], pages), columns)


def _scan(execution: Execution) -> Scan:
    return Scan(execution.state, execution.scanned_bytes, execution.seconds)
