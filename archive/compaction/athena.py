"""Compaction on AWS: Athena writes the files, an UNLOAD for each slice of an hour.

Athena decides by itself in how many files it writes the rows of one statement, each sorted. So an hour is cut into
slices of time, at quantiles, of about `SLICE_BYTES` of the objects read, and each is written by a statement of its own.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archive.compaction.job import CompactionFailed, Written
from archive.lake.athena import AthenaFailed, Execution, Workgroup
from archive.lake.columns import columns
from archive.lake.hours import Hour
from archive.lake.listing import list_objects
from producers.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

STATEMENT_FILE: Final = Path(__file__).with_name("unload.sql")
SLICE_BYTES: Final = 256 * 1024 * 1024
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
        self._s3 = s3
        self._bucket = bucket
        self._statements = Workgroup(athena, workgroup, database, clock)
        self._deadline = deadline

    def write(self, hour: Hour, compacted: list[str], landing: list[str], prefix: str) -> Written:
        """See `archive.compaction.job.Engine`."""
        read_bytes = sum(self._size(key) for key in (*compacted, *landing))
        slices = -(-read_bytes // SLICE_BYTES)
        for number, (first, end) in enumerate(self._bounds(hour, slices)):
            to = f"s3://{self._bucket}/{prefix}slice-{number:05d}/"
            select = statement(hour, first, end)
            self._run(f"UNLOAD ({select}) TO '{to}' WITH (format = 'PARQUET', compression = 'ZSTD')")
        return Written([found.key for found in list_objects(self._s3, self._bucket, prefix)])

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
        """The one value that a statement returns."""
        ((value,),) = self._statements.rows(self._run(sql))
        return value or ""

    def _run(self, sql: str) -> Execution:
        try:
            return self._statements.run(sql, deadline=self._deadline)
        except AthenaFailed as error:
            raise CompactionFailed(f"Athena: {error}") from error


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
