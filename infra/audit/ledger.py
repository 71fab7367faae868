"""The set work of an audit: which event was seen where, in DuckDB on disk, in bounded memory."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from infra.audit.sightings import SIGHTINGS, Sighting

MEMORY: Final = "500MB"  # DuckDB's; with the readers' buffers an audit stays under 1 GB
CHUNK: Final = 100_000

# For each event: is it where it should be? `table` and `lake` are each accounted for by a copy or by a failure.
_LEDGER: Final = """
CREATE OR REPLACE TABLE ledger AS
SELECT max(micros) AS micros, identity, is_event,
       bool_or(place = 'stream') AS on_stream,
       bool_or(place = 'table') AS in_table,
       bool_or(place IN ('landing', 'compacted')) AS in_lake,
       bool_or(place = 'dead_letters') AS in_dead_letters,
       bool_or(place = 'firehose_errors') AS in_firehose_errors,
       count(*) FILTER (WHERE place = 'landing') AS landing_copies
FROM sightings GROUP BY identity, is_event, CASE WHEN is_event THEN micros END
"""
_NOT_IN_TABLE: Final = "NOT in_table AND NOT in_dead_letters"
_NOT_IN_LAKE: Final = "NOT in_lake AND NOT in_firehose_errors"


@dataclass(frozen=True, slots=True)
class Missing:
    """An event that is not where it should be.

    Args:
        micros: its timestamp in microseconds since the epoch; of bytes that are not an event their arrival.
        identity: its request id; the digest of bytes that are not an event.
        is_event: whether it is an event.
        from_table: whether neither the table nor a dead letter has it.
        from_lake: whether neither the lake nor an error object has it.
    """

    micros: int
    identity: str
    is_event: bool
    from_table: bool
    from_lake: bool


class Ledger:
    """Sightings, and what follows from them. A context manager: its files are gone at the end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="spillway-audit-")
        folder = Path(self._folder.name)
        self._connection = duckdb.connect(str(folder / "ledger.duckdb"))
        self._connection.execute(f"SET memory_limit = '{MEMORY}'")
        self._connection.execute(f"SET temp_directory = '{folder / 'spill'}'")
        self._connection.execute("SET preserve_insertion_order = false")
        self._connection.execute(
            "CREATE TABLE sightings (place VARCHAR, micros BIGINT, identity VARCHAR, is_event BOOLEAN)"
        )

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._folder.cleanup()

    def enter(self, sightings: Iterable[Sighting]) -> int:
        """Enter sightings; return how many there were."""
        remaining = iter(sightings)
        chunks = iter(lambda: list(islice(remaining, CHUNK)), [])
        return self.enter_tables(
            pa.Table.from_arrays(
                [pa.array([getattr(each, column.name) for each in chunk], column.type) for column in SIGHTINGS],
                schema=SIGHTINGS,
            )
            for chunk in chunks
        )

    def enter_tables(self, tables: Iterable[pa.Table]) -> int:
        """Enter sightings that are columns already, in the schema `SIGHTINGS`; return how many there were."""
        total = 0
        held: list[pa.Table] = []
        for table in tables:
            held.append(table)
            if sum(each.num_rows for each in held) >= CHUNK:
                total += self._insert(held)
                held = []
        return total + self._insert(held)

    def _insert(self, tables: list[pa.Table]) -> int:
        if not tables:
            return 0
        entries = pa.concat_tables(tables)
        self._connection.register("entries", entries)
        self._connection.execute("INSERT INTO sightings SELECT * FROM entries")
        self._connection.unregister("entries")
        return entries.num_rows

    def events(self) -> Iterator[list[tuple[int, str]]]:
        """Timestamp and request id of every event that was seen anywhere, in chunks."""
        cursor = self._connection.cursor()
        cursor.execute("SELECT DISTINCT micros, identity FROM sightings WHERE is_event")
        while chunk := cursor.fetchmany(CHUNK):
            yield chunk

    def known_events(self) -> int:
        """How many sightings of events were entered so far, an event that is in two places twice."""
        return int(self._value("SELECT count(*) FROM sightings WHERE is_event"))

    def close(self) -> None:
        """Work out the balance; enter nothing afterwards."""
        self._connection.execute(_LEDGER)

    def count(self, condition: str = "true") -> int:
        """How many keys meet a condition on the ledger's columns."""
        return int(self._value(f"SELECT count(*) FROM ledger WHERE {condition}"))  # noqa: S608 (conditions are ours)

    def duplicates_in_lake(self) -> int:
        """Copies in the landing files beyond the first of each event."""
        return int(self._value("SELECT coalesce(sum(landing_copies - 1), 0) FROM ledger WHERE landing_copies > 1"))

    def missing(self) -> Iterator[Missing]:
        """Every event that is not where it should be, oldest first."""
        cursor = self._connection.cursor()
        cursor.execute(
            f"SELECT micros, identity, is_event, {_NOT_IN_TABLE}, {_NOT_IN_LAKE} FROM ledger "  # noqa: S608
            f"WHERE ({_NOT_IN_TABLE}) OR ({_NOT_IN_LAKE}) ORDER BY micros, identity"
        )
        while rows := cursor.fetchmany(CHUNK):
            yield from (Missing(*row) for row in rows)

    def _value(self, sql: str) -> Any:
        ((value,),) = self._connection.execute(sql).fetchall()  # all, as another statement may follow only then
        return value
