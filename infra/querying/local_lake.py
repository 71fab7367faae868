"""The local lake in DuckDB: the tables and the view that Athena has, so that one SQL does for both."""

import functools
import operator
from collections.abc import Iterable, Set
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import sqlglot
from botocore.exceptions import BotoCoreError, ClientError

from archive.lake.columns import PARTITIONS, Column, arrow_schema, columns
from archive.lake.filesystem import filesystem_of
from archive.lake.hours import Hour
from archive.lake.layout import DATA, LANDING, CompactedHours
from archive.lake.listing import ListedObject, list_objects
from archive.lake.tables import (
    COMPACTED_HOURS,
    COMPACTED_TABLE,
    EVENTS,
    LANDING_TABLE,
    Table,
    tables,
    view_columns,
    view_sql,
)
from infra.names import Names
from infra.openx.glue_types import Column as GlueColumn
from infra.openx.glue_types import parse_type
from infra.openx.json_rows import OpenXRules, RowReader, UnconvertibleRecord
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained

if TYPE_CHECKING:
    import duckdb

_MADE_OF: Final = (LANDING_TABLE, COMPACTED_TABLE, COMPACTED_HOURS)  # the view events
_FORMAT: Final = ds.ParquetFileFormat()
_HIDDEN: Final = (pa.field("$path", pa.string()), pa.field("$file_modified_time", pa.timestamp("ms", "UTC")))


class LakeUnavailable(Explained):
    """The lake cannot be read; the message says why."""


class LocalLake:
    """The lake of the pipeline on this machine.

    Args:
        s3: a client; its endpoint and credentials are used.
        names: of the environment's resources.
        clock: the time.

    `opened_files` and `opened_bytes` count what was opened for queries so far.
    """

    def __init__(self, s3: Any, names: Names, clock: Clock = SYSTEM_CLOCK) -> None:
        self._s3 = s3
        self.database = names.database
        self._buckets = {"lake": names.lake_bucket, "dead_letters": names.dead_letter_bucket}
        self._clock = clock
        self._tables = {table.name: table for table in tables()}
        self.opened_files = self.opened_bytes = 0

    @property
    def names(self) -> list[str]:
        """What can be queried."""
        return sorted([*self._tables, EVENTS])

    def columns(self, name: str) -> tuple[Column, ...] | None:
        """The columns of a table or view, partitions last; None where no table has the name."""
        if name == EVENTS:
            return view_columns()
        table = self._tables.get(name)
        return None if table is None else table.columns + table.partitions

    def open(
        self, connection: "duckdb.DuckDBPyConnection", mentioned: Iterable[str], *, with_hidden: bool = False
    ) -> None:
        """Make tables known to a connection.

        Args:
            connection: gets them.
            mentioned: names, those that a query mentions; others than the lake's are passed over.
            with_hidden: give Parquet tables the columns that Athena hides in them: `"$path"`, `"$file_modified_time"`.

        Raises:
            LakeUnavailable: a bucket cannot be read.
        """
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET integer_division = true")  # 7 / 2 is 3, as in Athena
        wanted = set(mentioned)
        needed = wanted.union(_MADE_OF if EVENTS in wanted else ())
        # As a query on Athena compares with its own start, before which it reads nothing.
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        try:
            compacted_hours = self._visible_hours(now) if COMPACTED_HOURS in needed else None
            for name, table in self._tables.items():
                if name == COMPACTED_HOURS and compacted_hours is not None:
                    connection.register(name, compacted_hours)
                elif name in needed:
                    # Trino prunes a join's partitions by the rows of its other side; so it reads only open hours.
                    unread = _hours_in(compacted_hours) if name == LANDING_TABLE and name not in wanted else frozenset()
                    connection.register(name, self._read(table, unread, with_hidden=with_hidden))
        except (ClientError, BotoCoreError, OSError) as error:
            raise LakeUnavailable(f"the lake {self._buckets['lake']} cannot be read: {error}") from error
        if EVENTS in wanted:
            view = sqlglot.transpile(view_sql(), read="athena", write="duckdb")[0]
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {view}")

    def _read(self, table: Table, unread: Set[Hour | None], *, with_hidden: bool) -> Any:
        """A table's rows, without the hours in `unread`."""
        if table.format == "json":
            return self._json_rows(table)
        prefix = DATA if table.name == COMPACTED_TABLE else LANDING
        objects = list(list_objects(self._s3, self._buckets["lake"], f"{prefix}/"))
        if table.name == COMPACTED_TABLE:
            hours = CompactedHours(self._s3, self._buckets["lake"])
            listed = {key for _, files in hours.files() for key in files}
            objects = [each for each in objects if each.key in listed]
        return self._parquet([each for each in objects if Hour.of_key(each.key) not in unread], with_hidden=with_hidden)

    def _visible_hours(self, now: datetime) -> pa.Table:
        """The hours whose time has come when reading begins: later ones are for queries that begin later."""
        hours = self._json_rows(self._tables[COMPACTED_HOURS])
        visible = [datetime.fromisoformat(str(text)) <= now for text in hours["visible_from"].to_pylist()]
        return hours.filter(pa.array(visible, pa.bool_()))

    def _parquet(self, objects: list[ListedObject], *, with_hidden: bool) -> ds.Dataset:
        """Files of events as one table, though the schema had other columns when some were written."""
        schema = pa.schema([*arrow_schema(columns()), *arrow_schema(PARTITIONS), *(_HIDDEN if with_hidden else ())])
        filesystem, bucket, fragments = filesystem_of(self._s3), self._buckets["lake"], []
        for found in objects:
            hour = Hour.of_key(found.key)
            if hour is None:
                continue
            self._count(found)
            values: dict[str, Any] = {"dt": hour.dt, "hour": hour.hour}
            if with_hidden:
                values["$path"] = f"s3://{bucket}/{found.key}"
                values["$file_modified_time"] = pa.scalar(found.written_at, pa.timestamp("ms", "UTC"))
            constants = functools.reduce(operator.and_, (ds.field(name) == value for name, value in values.items()))
            fragments.append(_FORMAT.make_fragment(f"{bucket}/{found.key}", filesystem, constants))
        return ds.FileSystemDataset(fragments, schema, _FORMAT, filesystem)

    def _count(self, opened: ListedObject) -> None:
        self.opened_files += 1
        self.opened_bytes += opened.size

    def _json_rows(self, table: Table) -> pa.Table:
        """JSON Lines as rows, read as Athena's SerDe reads them; a line that it cannot read is left out."""
        reader = RowReader([GlueColumn(each.name, parse_type(each.type)) for each in table.columns], OpenXRules())
        rows: list[list[Any]] = []
        partitions: dict[str, list[str]] = {partition.name: [] for partition in table.partitions}
        for each in list_objects(self._s3, self._buckets[table.bucket], f"{table.folder}/"):
            key = each.key
            hour = Hour.of_key(key)
            if hour is None:
                continue
            self._count(each)
            values = {"dt": hour.dt, "hour": hour.hour, "error_type": key.split("/")[1]}
            body = self._s3.get_object(Bucket=self._buckets[table.bucket], Key=key)["Body"].read()
            for line in body.splitlines():
                try:
                    found = reader.rows(line)
                except UnconvertibleRecord:
                    continue
                rows += found
                for name in partitions:
                    partitions[name] += [values[name]] * len(found)
        result = reader.table(rows)
        for name, held in partitions.items():
            result = result.append_column(name, pa.array(held, pa.string()))
        return result


def _hours_in(compacted_hours: pa.Table | None) -> frozenset[Hour | None]:
    if compacted_hours is None:
        return frozenset()
    partitions = zip(*(compacted_hours[each.name].to_pylist() for each in PARTITIONS), strict=True)
    return frozenset(Hour.of_key(f"dt={dt}/hour={hour}") for dt, hour in partitions)
