"""The rows of a query, as they come."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

ROWS_AT_ONCE: Final = 100  # turned into Python values together; a row may hold 400 KB


class Result:
    """Rows that are read once, in order, and never held all at once.

    Args:
        schema: their columns.
        batches: the rows.
        limit: the most rows to give; None for all.
    """

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], limit: int | None = None) -> None:
        self.schema = schema
        self.count = 0
        self.has_more = False
        self._batches = batches
        self._limit = limit

    @classmethod
    def of(cls, table: pa.Table, limit: int | None = None) -> "Result":
        """The rows of a table."""
        return cls(table.schema, table.to_batches(), limit)

    @property
    def names(self) -> list[str]:
        """The headings."""
        return list(self.schema.names)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows; `count` follows, and `has_more` is set where the limit ended them."""
        for batch in self._batches:
            left = batch.num_rows if self._limit is None else min(batch.num_rows, self._limit - self.count)
            self.count += left
            if left:
                yield batch.slice(0, left)
            if left < batch.num_rows:
                self.has_more = True
                return

    def rows(self) -> Iterator[list[Any]]:
        """The rows as lists of Python values."""
        for batch in self.batches():
            for start in range(0, batch.num_rows, ROWS_AT_ONCE):
                piece = batch.slice(start, ROWS_AT_ONCE)
                yield from map(list, zip(*(column.to_pylist() for column in piece.columns), strict=True))

    def table(self) -> pa.Table:
        """All rows at once, for a chart."""
        return pa.Table.from_batches(list(self.batches()), self.schema)
