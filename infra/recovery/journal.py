"""The progress of a rebuild: a file with a line for every file of the lake that is done, so that it can resume."""

import json
from datetime import datetime
from pathlib import Path

from infra.audit.sightings import Period
from producers.explained import Explained


class JournalError(Explained):
    """The journal cannot be read or written; the message says why and what to do."""


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
        """Read what an earlier run of the same rebuild did, or start a new journal.

        Raises:
            JournalError: the journal belongs to another rebuild, or cannot be read or written.
        """
        try:
            if not self.path.exists():
                self.path.write_text(json.dumps(self._head) + "\n", encoding="utf-8")
                return
            head, *lines = self.path.read_text(encoding="utf-8").splitlines()
            if json.loads(head) != self._head:
                raise JournalError(f"{self.path} belongs to another rebuild, {head}; name another file with --journal")
            self.done = set(lines)
        except (OSError, ValueError) as error:
            raise JournalError(f"{self.path} cannot be used: {error}; name another file with --journal") from error

    def note(self, key: str) -> None:
        """Record that a file is done."""
        try:
            with self.path.open("a", encoding="utf-8") as journal:
                journal.write(f"{key}\n")
        except OSError as error:
            raise JournalError(
                f"{self.path} cannot be written: {error}; make room, or name another file with --journal"
            ) from error

    def finish(self) -> None:
        """Delete the journal: the rebuild is done."""
        self.path.unlink(missing_ok=True)


def end_of_begun(path: Path) -> datetime | None:
    """The end of the period of a rebuild that was begun and not finished; None where there is no journal.

    Raises:
        JournalError: the file is not a journal.
    """
    try:
        with path.open(encoding="utf-8") as journal:
            return datetime.fromisoformat(json.loads(journal.readline())["to"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JournalError(
            f"{path} is not a journal of a rebuild: {error}; name another file with --journal"
        ) from error
