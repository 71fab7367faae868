"""The saved queries of archive/lake/queries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

QUERIES: Final = Path(__file__).parents[2] / "archive" / "lake" / "queries"


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query with a name.

    Args:
        name: of the query.
        about: what it answers, one line.
        sql: with question marks where it takes parameters.
    """

    name: str
    about: str
    sql: str


def saved_queries() -> list[SavedQuery]:
    """Every saved query, by name."""
    found = ((path.stem, path.read_text(encoding="utf-8")) for path in sorted(QUERIES.glob("*.sql")))
    return [SavedQuery(name, sql.partition("\n")[0].removeprefix("--").strip(), sql) for name, sql in found]


def saved_query(name: str) -> SavedQuery | None:
    """The saved query of a name; None where no query has it."""
    return next((query for query in saved_queries() if query.name == name), None)
