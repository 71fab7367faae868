"""Whether a change of the event schema is safe for the Parquet that is already there.

Athena reads Parquet by column name. A file written before a column was added has none of its values, which read as
null; a file whose column has another type than the table fails the query that reads it. So columns may be added, and
nothing else. Every value is in `payload` as well, so nothing is lost by leaving a column as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from archive.lake.columns import Column, decimal_digits, payload_columns

Kind = Literal["added", "removed", "renamed", "narrowed", "retyped"]

# From a type to those that hold fewer of its values.
_NARROWER: Final = {
    "double": ("bigint", "boolean"),
    "string": ("bigint", "double", "boolean", "timestamp"),
    "bigint": ("boolean",),
}
_INSTEAD: Final = "leave it as it is and add a property of another name"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two schemas, as far as the lake's columns go.

    Args:
        column: its name; the former one where it was renamed.
        kind: of change.
        detail: what became of it.
        why: it is safe, or is not.
    """

    column: str
    kind: Kind
    detail: str
    why: str

    @property
    def is_safe(self) -> bool:
        """Whether files written before can be read after it."""
        return self.kind == "added"


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """What a change of the event schema does to the columns, in the order of the schemas.

    Args:
        before: the JSON Schema as it was.
        after: as it is to be.

    Raises:
        archive.lake.columns.SchemaError: one of them gives no usable columns.
    """
    old = {column.name: column for column in payload_columns(before)}
    new = {column.name: column for column in payload_columns(after)}
    added = [column for name, column in new.items() if name not in old]
    found = []
    for name, column in old.items():
        if name in new:
            if new[name].type != column.type:
                found.append(_retyped(column, new[name]))
        else:
            found.append(_gone(column, added))
    found += [
        Change(column.name, "added", column.type, "null in files that are there already, filled in those to come")
        for column in added
    ]
    return found


def _retyped(old: Column, new: Column) -> Change:
    detail = f"{old.type} to {new.type}"
    if _is_narrower(old.type, new.type):
        why = f"files hold values that {new.type} cannot; {_INSTEAD}"
        return Change(old.name, "narrowed", detail, why)
    why = f"files hold {old.type}, and Athena fails on a file whose type is not the table's; {_INSTEAD}"
    return Change(old.name, "retyped", detail, why)


def _is_narrower(old: str, new: str) -> bool:
    if old.startswith("decimal") and new.startswith("decimal"):
        (precision, scale), (new_precision, new_scale) = decimal_digits(old), decimal_digits(new)
        return new_scale < scale or new_precision - new_scale < precision - scale
    return new in _NARROWER.get(old, ()) or (old in ("double", "string") and new.startswith("decimal"))


def _gone(old: Column, added: list[Column]) -> Change:
    alike = [column.name for column in _of_one_type(added, old.type)]
    if len(alike) == 1:
        why = (
            f"files hold {old.name}: under {alike[0]} they read as null; keep {old.name}, and add {alike[0]} beside it"
        )
        return Change(old.name, "renamed", f"to {alike[0]}", why)
    why = (
        f"queries that name it fail, and a later {old.name} of another type could not read the files there are; "
        'keep it, with "deprecated": true'
    )
    return Change(old.name, "removed", old.type, why)


def _of_one_type(columns: list[Column], type_: str) -> Iterator[Column]:
    return (column for column in columns if column.type == type_)
