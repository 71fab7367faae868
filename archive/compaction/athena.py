"""Compaction on AWS: Athena writes the files, with one UNLOAD for each slice of an hour.

Athena chooses how many files it writes for a statement. So the engine cuts an hour at quantiles into slices of time.
Each covers about `SLICE_BYTES` of the objects read, and one statement writes it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archive.compaction.job import CompactionFailed, Task, Written
from archive.compaction.key import KEY
from archive.compaction.parquet_footer import TAIL_BYTES, NotParquet, column_names, footer_bytes
from archive.lake.athena import AthenaFailed, Execution, Workgroup
from archive.lake.columns import columns
from archive.lake.hours import ONE_HOUR, Hour
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
        bucket: the lake's bucket.
        workgroup: workgroup that runs the statements.
        database: the lake's database.
        deadline: time on `clock.monotonic` at which a statement that still runs is stopped.
        clock: clock that gives the time.
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

    def write(self, task: Task) -> Written:
        """See `archive.compaction.job.Engine`."""
        read_bytes = sum(self._checked_size(key) for key in (*task.compacted, *task.landing))
        slices = -(-read_bytes // SLICE_BYTES)
        for number, (first, end) in enumerate(self._bounds(task.hour, slices)):
            to = f"s3://{self._bucket}/{task.prefix}slice-{number:05d}/"
            select = statement(task.hour, first, end)
            self._run(f"UNLOAD ({select}) TO '{to}' WITH (format = 'PARQUET', compression = 'ZSTD')")
        return Written([found.key for found in list_objects(self._s3, self._bucket, task.prefix)])

    def _checked_size(self, key: str) -> int:
        """Return a file's size, after checking that the lake has all its columns: Athena would lose any other column.

        Raises:
            CompactionFailed: the file has a column that the lake lacks, or is not Parquet.
        """
        size, tail = self._tail(key, TAIL_BYTES)
        try:
            if len(tail) < (footer := footer_bytes(tail)):
                size, tail = self._tail(key, footer)
            unknown = sorted(set(column_names(tail)) - {column.name for column in columns()})
        except NotParquet as error:
            raise CompactionFailed(f"{key} is not a Parquet file: {error}") from error
        if unknown:
            raise CompactionFailed(
                f"{key} has columns that the event schema does not have: {', '.join(unknown)}. Compaction would lose "
                'their values: put the properties back, with "deprecated": true, and deploy'
            )
        return size

    def _tail(self, key: str, length: int) -> tuple[int, bytes]:
        """Read the size of an object, and its last bytes."""
        answer = self._s3.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=-{length}")
        return int(answer["ContentRange"].rpartition("/")[2]), answer["Body"].read()

    def _bounds(self, hour: Hour, slices: int) -> list[tuple[int, int]]:
        """Return the first and the end of each slice, in microseconds. Together the slices cover all times."""
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

    def _answer(self, sql: str) -> str:
        """Run a statement and return the one value of its result."""
        ((value,),) = self._statements.rows(self._run(sql))
        return value or ""

    def _run(self, sql: str) -> Execution:
        try:
            return self._statements.run(sql, deadline=self._deadline)
        except AthenaFailed as error:
            raise CompactionFailed(f"Athena: {error}") from error


def statement(hour: Hour, first: int, end: int) -> str:
    """Return the SELECT for one slice of an hour, in Athena's dialect.

    Args:
        hour: the hour.
        first: least `timestamp_micros` in the slice.
        end: least `timestamp_micros` after the slice.
    """
    names = [f'"{column.name}"' for column in columns()]
    merged = [name if name.strip('"') in KEY else f"arbitrary({name}) AS {name}" for name in names]
    earlier, later = Hour(hour.start - ONE_HOUR), Hour(hour.end)
    return STATEMENT_FILE.read_text(encoding="utf-8").format(
        columns=", ".join(names),
        merged=", ".join(merged),
        dt=hour.dt,
        hour=hour.hour,
        earlier_dt=earlier.dt,
        earlier_hour=earlier.hour,
        later_dt=later.dt,
        later_hour=later.hour,
        first=first,
        end=end,
    )
