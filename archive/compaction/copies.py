"""Keeps one row of each event, without losing a value.

Rows with the same key are copies of one event. If the event schema changed between two deliveries, one copy has nulls
where the other has values. So the row that is kept takes each value from the first copy that has it.
"""

from enum import IntEnum
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from archive.compaction.key import KEY

ORIGIN: Final = "_origin"  # a column that rows have only during a merge; it is never written

Mask: TypeAlias = Any  # an array of booleans, for which pyarrow's stubs have several types


class Origin(IntEnum):
    """Where a row comes from. Among the copies of one event, the copy with the least origin decides.

    EARLIER: the hour before has the event, so this hour leaves it out.
    COMPACTED: this hour's compacted files have the event.
    LATER: the hour after has the event, so this hour leaves out a copy that landed later.
    LANDING: a landing object of this hour has the event.
    """

    EARLIER = 0
    COMPACTED = 1
    LATER = 2
    LANDING = 3

    @property
    def is_of_the_hour(self) -> bool:
        """Whether rows of this origin belong to this hour."""
        return self in (Origin.COMPACTED, Origin.LANDING)


_OWN: Final = pa.array([origin.value for origin in Origin if origin.is_of_the_hour], pa.int8())


def with_origin(rows: pa.Table, origin: Origin) -> pa.Table:
    """Add a column that holds the rows' origin."""
    return rows.append_column(ORIGIN, pa.repeat(pa.scalar(origin.value, pa.int8()), rows.num_rows))


def each_once(rows: pa.Table) -> pa.Table:
    """Return one row for each of the hour's own events, sorted by key, without the column `ORIGIN`."""
    rows = _in_order_of_time(rows)
    if pc.any(_repeats(rows, KEY[:1])).as_py():  # rows with different times have different keys
        rows = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in (*KEY, ORIGIN)]))
        repeats = _repeats(rows, KEY)
        if pc.any(repeats).as_py():
            rows = _merged(rows, repeats)
    return rows.filter(pc.is_in(rows[ORIGIN], _OWN)).drop_columns([ORIGIN])


def _merged(rows: pa.Table, repeats: Mask) -> pa.Table:
    """Merge rows sorted by key and origin into one row for each key. `repeats` marks rows with the key of the last."""
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
    """Mark each row that has the same values in these columns as the row before it."""
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
