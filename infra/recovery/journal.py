"""How far a rebuild got: a file with a line for every file of the lake that is done, so that it can go on."""

import json
from datetime import datetime
from pathlib import Path

from infra.audit.sightings import Period
from producers.explained import Explained


class JournalError(Explained):
    """Progress cannot be read or kept; the message says why and what to do."""


class Journal:
    """The progress of one rebuild.

    Args:
        path: of the journal.
        table: that is rebuilt.
        period: of acceptance.
    """

    def __init__(self, path: Path, table: str, period: Period) -> None:
        self.path = path
        self._head = {"table": table, "from": period.start.isoformat(), "to": period.end.isoformat()}
        self.done: set[str] = set()

    def begin(self) -> None:
        """Read what an earlier run of the same rebuild did, or start afresh.

        Raises:
            JournalError: the journal is another rebuild's, or cannot be read or written.
        """
        try:
            if not self.path.exists():
                self.path.write_text(json.dumps(self._head) + "\n", encoding="utf-8")
                return
            head, *lines = self.path.read_text(encoding="utf-8").splitlines()
            if json.loads(head) != self._head:
                raise JournalError(f"{self.path} is of another rebuild, {head}; name another with --journal")
            self.done = set(lines)
        except (OSError, ValueError) as error:
            raise JournalError(f"{self.path} cannot be used: {error}; name another with --journal") from error

    def note(self, key: str) -> None:
        """Keep that a file is done."""
        try:
            with self.path.open("a", encoding="utf-8") as journal:
                journal.write(f"{key}\n")
        except OSError as error:
            raise JournalError(f"progress cannot be kept in {self.path}: {error}") from error

    def finish(self) -> None:
        """The rebuild is done; the journal goes."""
        self.path.unlink(missing_ok=True)


def end_of_begun(path: Path) -> datetime | None:
    """Where the period of a rebuild ends that was begun and not finished; None where there is none.

    Raises:
        JournalError: the file is no journal.
    """
    try:
        with path.open(encoding="utf-8") as journal:
            return datetime.fromisoformat(json.loads(journal.readline())["to"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JournalError(f"{path} is no journal of a rebuild: {error}; name another with --journal") from error
