"""Copies of one event: which is kept, and that no value is lost.

Rows with one key are copies of one event. They differ in what is null where the event schema changed between two
deliveries, so the row that is kept takes each value from the first copy that has it.
"""

from enum import IntEnum
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

KEY: Final = ("timestamp_micros", "request_id")
ORIGIN: Final = "_origin"  # a column of rows that are being merged; never written

Mask: TypeAlias = Any  # an array of booleans; pyarrow's stubs know several kinds


class Origin(IntEnum):
    """Where a row comes from. Of the copies of one event, that of the least origin decides.

    EARLIER: the hour before has the event, so it stays out of this hour.
    COMPACTED: this hour's compacted files have it.
    LATER: the hour after has it, so a copy that landed here since stays out.
    LANDING: it landed.
    """

    EARLIER = 0
    COMPACTED = 1
    LATER = 2
    LANDING = 3

    @property
    def is_of_the_hour(self) -> bool:
        """Whether rows of this origin are the hour's own."""
        return self in (Origin.COMPACTED, Origin.LANDING)


_OWN: Final = pa.array([origin.value for origin in Origin if origin.is_of_the_hour], pa.int8())


def with_origin(rows: pa.Table, origin: Origin) -> pa.Table:
    """Rows with their origin in a column."""
    return rows.append_column(ORIGIN, pa.repeat(pa.scalar(origin.value, pa.int8()), rows.num_rows))


def each_once(rows: pa.Table) -> pa.Table:
    """The hour's own events among these rows: in the order of their keys, one row for each, without `ORIGIN`."""
    rows = _in_order_of_time(rows)
    if pc.any(_repeats(rows, KEY[:1])).as_py():  # otherwise no two rows have one time, so no two have one key
        rows = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in (*KEY, ORIGIN)]))
        repeats = _repeats(rows, KEY)
        if pc.any(repeats).as_py():
            rows = _merged(rows, repeats)
    return rows.filter(pc.is_in(rows[ORIGIN], _OWN)).drop_columns([ORIGIN])


def _merged(rows: pa.Table, repeats: Mask) -> pa.Table:
    """One row for each key, of rows sorted by key and origin; `repeats` says which have the key of the one before."""
    begins: Mask = pc.invert(repeats)
    group = pc.cumulative_sum(begins.cast(pa.int32()))
    number = pa.array(range(rows.num_rows), pa.int64())
    first = number.filter(begins)
    columns = []
    for name in rows.column_names:
        values = rows[name].combine_chunks()
        if values.null_count:
            known = pa.table(
                {"group": group, "row": pc.if_else(pc.is_valid(values), number, pa.scalar(None, pa.int64()))}
            )
            chosen = known.group_by("group").aggregate([("row", "min")]).sort_by("group")["row_min"].combine_chunks()
        else:
            chosen = first
        columns.append(values.take(chosen))
    return pa.Table.from_arrays(columns, schema=rows.schema)


def _repeats(rows: pa.Table, names: tuple[str, ...]) -> Mask:
    """For each row whether it has the same values in some columns as the row before."""
    if not rows.num_rows:
        return pa.array([], pa.bool_())
    same: Mask = None
    for name in names:
        values = rows[name].combine_chunks()
        equal = pc.equal(values[1:], values[:-1])
        same = equal if same is None else pc.and_(same, equal)
    return pa.concat_arrays([pa.array([False]), same])


def _in_order_of_time(rows: pa.Table) -> pa.Table:
    times = rows[KEY[0]].combine_chunks()
    if pc.all(pc.less_equal(times[:-1], times[1:])).as_py() is not False:
        return rows
    return rows.take(pc.sort_indices(times))
