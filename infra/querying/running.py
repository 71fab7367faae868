"""One query on an environment's lake: in Athena, or on this machine in DuckDB."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from infra.environment import Environment
from infra.querying.athena_query import AthenaQuery, Scan
from infra.querying.local_lake import LocalLake
from infra.querying.local_query import LocalQuery
from infra.querying.result import Result

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spent:
    """What a query took.

    Args:
        seconds: from its start.
        read_bytes: scanned by Athena; on this machine the size of the files that the query could read.
        files: likewise; None where Athena read them.
        dollars: what Athena bills; None where nothing is billed.
    """

    seconds: float
    read_bytes: int
    files: int | None
    dollars: float | None

    def __str__(self) -> str:
        """In words, as the command shows it."""
        if self.dollars is None:
            return f"{self.seconds:.1f} s"
        return f"{self.seconds:.1f} s, {self.read_bytes / MIB:.1f} MiB scanned, about ${self.dollars:.5f}"


@contextmanager
def running(
    environment: Environment,
    sql: str,
    parameters: Sequence[str] = (),
    limit: int | None = None,
    progress: Callable[[Scan], None] = lambda _: None,
) -> Iterator[tuple[Result, Callable[[], Spent]]]:
    """Run a query; give its rows, and a call that says what it took up to then.

    Args:
        environment: whose lake is queried.
        sql: in Athena's dialect.
        parameters: for its question marks.
        limit: the most rows to give; None for all.
        progress: called while Athena runs.

    Raises:
        QueryFailed: it is wrong, or failed.
    """
    started = time.monotonic()
    if environment.is_local:
        lake = LocalLake(environment.client("s3"), environment.names())
        with LocalQuery(lake) as local:
            yield (
                local.run(sql, parameters, limit),
                lambda: Spent(time.monotonic() - started, lake.opened_bytes, lake.opened_files, None),
            )
        return
    names = environment.names()
    # The workgroup has the environment's prefix for its name.
    athena = AthenaQuery(
        environment.client("athena"), names.prefix, names.database, progress, s3=environment.client("s3")
    )
    table, scan = athena.run(sql, parameters)
    yield Result.of(table, limit), lambda: Spent(scan.seconds, scan.scanned_bytes, None, scan.dollars)
