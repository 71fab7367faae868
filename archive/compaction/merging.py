"""Merges many Parquet files of events into sorted rows without duplicates, in bounded memory.

The merge cuts the hour into slices of time. It plans them from the files' statistics, so that each holds about
`slice_bytes` of rows. It reads each row group once, in the order of their earliest events, and puts each row in its
slice. A slice is complete when every unread row group begins after it. A complete slice is sorted, freed of duplicates
and written. An event delivered twice has one timestamp, so both copies are in one slice. When the waiting slices
take too much memory, some are written to disk.

Memory holds one batch being read, the waiting slices (at most `waiting_bytes`), one slice being sorted and one being
written.
"""

import bisect
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from archive.compaction.copies import Origin, each_once, with_origin
from archive.compaction.key import KEY

SLICE_BYTES: Final = 16 * 1024 * 1024
WAITING_BYTES: Final = 192 * 1024 * 1024
PIECE_BYTES: Final = 4 * 1024  # Arrow's overhead for a table of few rows, approximately
TICK: Final = 100_000  # microseconds; slices end at whole ticks
NARROW: Final = 1_800_000_000  # microseconds; over a shorter span, events are assumed to be spread evenly


@dataclass(frozen=True, slots=True)
class Unit:
    """A row group of one file.

    Args:
        source: name of the file.
        row_group: number of the row group in the file.
        rows: number of rows.
        first: least `timestamp_micros` in the row group; None if the file has no statistics.
        last: greatest `timestamp_micros` in the row group.
        origin: which hour's files the file belongs to.
    """

    source: str
    row_group: int
    rows: int
    first: int | None
    last: int | None
    origin: Origin = Origin.LANDING


@dataclass(frozen=True, slots=True)
class Merged:
    """Result of a merge: `rows` and `duplicates` add up to the rows of the hour that were read."""

    rows: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class _Spilled:
    """Rows on disk: the file, and the position in it where they begin."""

    path: Path
    offset: int


@dataclass(slots=True)
class _Slice:
    """The rows read so far of one span of time."""

    pieces: list[pa.Table] = field(default_factory=list)
    spilled: list[_Spilled] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """Approximate bytes of memory."""
        return sum(map(_nbytes, self.pieces))


class Merge:
    """One merge.

    Args:
        read: returns the rows of a unit in batches, all in one schema.
        times: returns the `timestamp_micros` of a unit in batches; called when statistics are missing or too wide.
        folder: where rows are written that do not fit in memory.
        slice_bytes: approximate size of the rows of one slice, in memory.
        waiting_bytes: most bytes in memory of rows whose slice is not yet complete.
    """

    def __init__(
        self,
        read: Callable[[Unit], Iterable[pa.Table]],
        times: Callable[[Unit], "Iterable[pa.ChunkedArray[Any]]"],
        folder: Path,
        *,
        slice_bytes: int = SLICE_BYTES,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        self._read = read
        self._times = times
        self._folder = folder
        self._slice_bytes = slice_bytes
        self._waiting_bytes = waiting_bytes
        self._slices: dict[int, _Slice] = {}
        self._waiting = 0
        self._spills = 0
        self._unread: Counter[Path] = Counter()  # parts of each file on disk

    def run(self, units: Sequence[Unit], write: Callable[[pa.Table], None]) -> Merged:
        """Merge units into sorted tables.

        Args:
            units: row groups to read.
            write: takes each sorted table, in order. Sorting and these calls happen in another thread.
        """
        ordered = sorted((unit for unit in units if unit.rows), key=_first)
        ends = self._plan(ordered)
        read = rows = done = 0

        def finish(held: _Slice) -> None:
            nonlocal rows
            table = each_once(self._whole(held))
            rows += table.num_rows
            if table.num_rows:
                write(table)

        with _Background(finish) as background:
            for number, unit in enumerate(ordered):
                for batch in self._read(unit):
                    read += batch.num_rows if unit.origin.is_of_the_hour else 0
                    self._place(with_origin(batch, unit.origin), ends)
                next_first = _first(ordered[number + 1]) if number + 1 < len(ordered) else None
                # Slice n holds events before ends[n]; the last slice holds the events from the last end on.
                complete = len(ends) + 1 if next_first is None else bisect.bisect_right(ends, next_first)
                for slice_number in range(done, complete):
                    if (held := self._slices.pop(slice_number, None)) is not None:
                        self._waiting -= held.nbytes
                        background.put(held)
                done = max(done, complete)
        return Merged(rows, read - rows)

    def _plan(self, units: Sequence[Unit]) -> list[int]:
        """Return the ends of the slices, in microseconds, in ascending order."""
        if not units:
            return []
        row_bytes = self._row_bytes(next((unit for unit in units if unit.origin.is_of_the_hour), units[0]))
        rows_per_slice = max(self._slice_bytes / row_bytes, 1)
        histogram: Counter[int] = Counter()  # rows, in thousandths, by tick
        for unit in units:
            if unit.first is None or unit.last is None or unit.last - unit.first > NARROW:
                for times in self._times(unit):
                    ticks = pc.value_counts(pc.divide(times, pa.scalar(TICK)))
                    for tick, count in zip(*(part.to_pylist() for part in ticks.flatten()), strict=True):
                        histogram[tick] += 1000 * count
            else:
                span = range(unit.first // TICK, unit.last // TICK + 1)
                share = 1000 * unit.rows // len(span) + 1
                for tick in span:
                    histogram[tick] += share
        ends, held = [], 0.0
        for tick in sorted(histogram):
            if held and held + histogram[tick] / 1000 > rows_per_slice:
                ends.append(tick * TICK)
                held = 0.0
            held += histogram[tick] / 1000
        return ends

    def _row_bytes(self, unit: Unit) -> float:
        """Estimate the bytes in memory of a row, from the first batch of a unit."""
        first = next(iter(self._read(unit)), None)
        return max(first.nbytes / max(first.num_rows, 1), 1.0) if first is not None else 1.0

    def _place(self, batch: pa.Table, ends: list[int]) -> None:
        """Put a batch's rows in their slices."""
        if not batch.num_rows:
            return
        times = batch[KEY[0]]
        first = bisect.bisect_right(ends, pc.min(times).as_py())
        last = bisect.bisect_right(ends, pc.max(times).as_py())
        if first == last:
            self._hold(first, batch)
            return
        order = pc.sort_indices(times)
        search: Any = pc.search_sorted  # type: ignore[attr-defined] # newer than the stubs
        cuts = search(times.combine_chunks().take(order), pa.array(ends[first:last], pa.int64())).to_pylist()
        for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, batch.num_rows], strict=True), first):
            if end > start:
                # Copy the rows: a view would keep the whole batch in memory until the last slice is written.
                self._hold(number, batch.take(order.slice(start, end - start)))

    def _hold(self, number: int, rows: pa.Table) -> None:
        held = self._slices.setdefault(number, _Slice())
        held.pieces.append(rows)
        self._waiting += _nbytes(rows)
        if self._waiting > self._waiting_bytes:
            self._spill()

    def _spill(self) -> None:
        """Write slices to disk, the latest first since they wait longest, until half of the budget is free again."""
        path = self._folder / f"spill-{self._spills}.arrow"
        self._spills += 1
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.OSFile(str(path), "wb") as sink:
            for number in sorted(self._slices, reverse=True):
                if self._waiting <= self._waiting_bytes // 2:
                    break
                held = self._slices[number]
                if held.pieces:
                    self._waiting -= held.nbytes
                    held.spilled.append(_Spilled(path, sink.tell()))
                    self._unread[path] += 1
                    rows = pa.concat_tables(held.pieces).combine_chunks()
                    held.pieces = []
                    with pa.ipc.new_stream(sink, rows.schema, options=options) as out:
                        out.write_table(rows)

    def _whole(self, held: _Slice) -> pa.Table:
        """All rows of a slice, from memory and from disk."""
        pieces = [*map(self._read_back, held.spilled), *held.pieces]
        return pa.concat_tables(pieces) if len(pieces) > 1 else pieces[0]

    def _read_back(self, spilled: _Spilled) -> pa.Table:
        with pa.OSFile(str(spilled.path), "rb") as source:
            source.seek(spilled.offset)
            rows = pa.ipc.open_stream(source).read_all()
        self._unread[spilled.path] -= 1
        if not self._unread[spilled.path]:
            spilled.path.unlink()
        return rows


class _Background:
    """Calls a function in another thread, one slice after the other. At most one slice waits for it."""

    def __init__(self, work: Callable[[_Slice], None]) -> None:
        self._work = work
        self._queue: queue.Queue[_Slice | None] = queue.Queue(1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="compaction writer", daemon=True)

    def __enter__(self) -> "_Background":
        self._thread.start()
        return self

    def put(self, held: _Slice) -> None:
        """Hand over a slice. Raises the exception of the work on an earlier slice, if it failed."""
        if self._error is not None:
            raise self._error
        self._queue.put(held)

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if failure is None and self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (held := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._work(held)
                except BaseException as error:  # noqa: BLE001 (raised again where the merge goes on)
                    self._error = error


def _first(unit: Unit) -> int:
    """The earliest time that a unit may contain."""
    return -(1 << 63) if unit.first is None else unit.first


def _nbytes(rows: pa.Table) -> int:
    return rows.nbytes + PIECE_BYTES
