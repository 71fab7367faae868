"""Selecting by Athena: which objects of dead letters hold what is meant, where there are too many to read them all.

Athena reads the table `dead_letters` over the whole archive in parallel and returns the keys of objects. Their lines
are then read and selected as without Athena. So its answer may be too wide, never too narrow, and `--where` needs no
SQL.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archive.dead_letters.selection import Selection
from archive.dead_letters.stores import Store, StoredObject
from archive.lake.athena import Workgroup
from producers.clock import SYSTEM_CLOCK, Clock

MOST_OBJECTS_READ: Final = 10_000  # more of them, and Athena selects
TABLE: Final = "dead_letters"


def query(selection: Selection) -> str:
    """The SQL that gives the objects of dead letters with something of a selection in them.

    The partition is compared as text, which its form allows; one more hour on either side covers what was sent later
    than it failed. Error types are compared as in `archive.dead_letters.selection`: whole, `*` and `?` match anything.
    """
    start, end = selection.start - timedelta(hours=1), selection.end + timedelta(hours=2)
    conditions = [
        f"dt || '/' || hour BETWEEN '{_hour(start)}' AND '{_hour(end)}'",
        f"dt BETWEEN '{start.astimezone(UTC):%Y-%m-%d}' AND '{end.astimezone(UTC):%Y-%m-%d}'",
    ]
    if selection.stages:
        conditions.append(f"stage IN ({', '.join(map(_text, selection.stages))})")
    if selection.errors:
        conditions.append("(" + " OR ".join(_matches("error.type", error) for error in selection.errors) + ")")
    where = "\n  AND ".join(conditions)
    return f'SELECT "$path", max("$file_size")\nFROM {TABLE}\nWHERE {where}\nGROUP BY 1\nORDER BY 1'


def objects(
    athena: Any,
    store: Store,
    selection: Selection,
    *,
    database: str,
    workgroup: str,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[StoredObject]:
    """The objects of dead letters that a selection needs, in the order of their keys.

    Args:
        athena: the client.
        store: of dead letters.
        selection: what is meant.
        database: in Glue, with the table `dead_letters`.
        workgroup: says where answers go and what they may cost.
        clock: for waiting.

    Raises:
        AthenaFailed: the query fails or is cancelled.
        ClientError, BotoCoreError: Athena cannot be asked.
    """
    statements = Workgroup(athena, workgroup, database, clock)
    prefix = f"s3://{store.bucket}/"
    for path, size in statements.rows(statements.run(query(selection))):
        yield StoredObject(store, str(path).removeprefix(prefix), int(size or 0), datetime.now(UTC))


def _hour(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d/%H}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _matches(column: str, pattern: str) -> str:
    if not any(character in pattern for character in "*?["):
        return f"lower({column}) = {_text(pattern.lower())}"
    escaped = pattern.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if "[" in escaped:
        return "true"  # sets of characters are left to the reading
    return f"lower({column}) LIKE {_text(escaped.replace('*', '%').replace('?', '_'))} ESCAPE '\\'"
