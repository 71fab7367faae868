"""Compaction on AWS: Athena writes the files, an UNLOAD for each slice of an hour.

Athena decides by itself in how many files it writes the rows of one statement, each sorted. So an hour is cut into
slices of time, at quantiles, of about `SLICE_BYTES` of the objects read, and each is written by a statement of its own.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archive.compaction.job import CompactionFailed, Written
from archive.lake.columns import columns
from archive.lake.hours import Hour
from producers.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

STATEMENT_FILE: Final = Path(__file__).with_name("unload.sql")
SLICE_BYTES: Final = 256 * 1024 * 1024
POLL_SECONDS: Final = 1.0
_ENDLESS: Final = (-(1 << 63), (1 << 63) - 1)


class AthenaEngine:
    """Merges the files of an hour by statements in an Athena workgroup.

    Args:
        athena: a client.
        s3: a client.
        bucket: of the lake.
        workgroup: in which statements run.
        database: of the lake.
        deadline: on `clock.monotonic`; a statement that runs longer is stopped.
        clock: the time.
    """

    def __init__(
        self,
        athena: Any,
        s3: "S3Client",
        bucket: str,
        *,
        workgroup: str,
        database: str,
        deadline: float = float("inf"),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._athena = athena
        self._s3 = s3
        self._bucket = bucket
        self._workgroup = workgroup
        self._database = database
        self._deadline = deadline
        self._clock = clock

    def write(self, hour: Hour, compacted: list[str], landing: list[str], prefix: str) -> Written:
        """See `archive.compaction.job.Engine`."""
        read_bytes = sum(self._size(key) for key in (*compacted, *landing))
        slices = -(-read_bytes // SLICE_BYTES)
        for number, (first, end) in enumerate(self._bounds(hour, slices)):
            to = f"s3://{self._bucket}/{prefix}slice-{number:05d}/"
            select = statement(hour, first, end)
            self._run(f"UNLOAD ({select}) TO '{to}' WITH (format = 'PARQUET', compression = 'ZSTD')")
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return Written([found["Key"] for page in pages for found in page.get("Contents", [])])

    def _bounds(self, hour: Hour, slices: int) -> list[tuple[int, int]]:
        """First and end of each slice, in microseconds, together all of time."""
        if slices <= 1:
            return [_ENDLESS]
        shares = ", ".join(f"{number / slices:.6f}" for number in range(1, slices))
        partition = f"WHERE dt = '{hour.dt}' AND hour = '{hour.hour}'"
        text = self._answer(
            f"SELECT array_join(approx_percentile(timestamp_micros, ARRAY[{shares}]), ',') FROM ("  # noqa: S608 (no text of others is in it)
            f"SELECT timestamp_micros FROM events_compacted {partition} UNION ALL "
            f"SELECT timestamp_micros FROM events_landing {partition})"
        )
        ends = sorted({int(each) for each in text.split(",") if each})
        return list(zip([_ENDLESS[0], *ends], [*ends, _ENDLESS[1]], strict=True))

    def _size(self, key: str) -> int:
        return self._s3.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def _answer(self, sql: str) -> str:
        """The one value that a statement gives."""
        rows = self._athena.get_query_results(QueryExecutionId=self._run(sql))["ResultSet"]["Rows"]
        return str(rows[1]["Data"][0].get("VarCharValue", ""))

    def _run(self, sql: str) -> str:
        """Run a statement to its end; gives its id."""
        execution = str(
            self._athena.start_query_execution(
                QueryString=sql, QueryExecutionContext={"Database": self._database}, WorkGroup=self._workgroup
            )["QueryExecutionId"]
        )
        while True:
            status = self._athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return execution
            if status["State"] in ("FAILED", "CANCELLED"):
                raise CompactionFailed(f"Athena: {status.get('StateChangeReason') or status['State'].lower()}")
            if self._clock.monotonic() > self._deadline:
                self._athena.stop_query_execution(QueryExecutionId=execution)
                raise CompactionFailed("Athena: the statement did not end in time; run it again with more")
            self._clock.sleep(POLL_SECONDS)


def statement(hour: Hour, first: int, end: int) -> str:
    """The SELECT for one slice of an hour, in Athena's dialect.

    Args:
        hour: which.
        first: least `timestamp_micros` in the slice.
        end: least one after it.
    """
    names = ", ".join(f'"{column.name}"' for column in columns())
    return STATEMENT_FILE.read_text(encoding="utf-8").format(
        columns=names, dt=hour.dt, hour=hour.hour, first=first, end=end
    )
