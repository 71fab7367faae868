"""How far a load got, kept in a file beside the one it loads, so that it can be resumed without sending twice."""

import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.loading.sending import Sent
from infra.loading.sources import Entry
from producers.explained import Explained

SUFFIX = ".spillway-load"


class JournalError(Explained):
    """A load cannot begin or be resumed; the message says why and what to do."""


class Journal:
    """The progress of loading one file: the load's id, and a line for every batch that was answered.

    Args:
        path: the file that is loaded; the journal stands beside it, with `.spillway-load` behind its name.
    """

    def __init__(self, path: Path) -> None:
        self._loaded = path
        self.path = path.with_name(path.name + SUFFIX)
        self.load_id = uuid.uuid4().hex
        self._done: set[tuple[int, int]] = set()

    def begin(self) -> None:
        """Start afresh.

        Raises:
            JournalError: the journal cannot be written.
        """
        self._append({"load_id": self.load_id, "size": self._size()}, mode="w")

    def resume(self) -> None:
        """Go on where an earlier load stopped; begin if there was none.

        Raises:
            JournalError: the file has changed since, or the journal cannot be read.
        """
        if not self.path.exists():
            self.begin()
            return
        try:
            head, *lines = self.path.read_text(encoding="utf-8").splitlines()
            began = json.loads(head)
            self.load_id = began["load_id"]
            size = began["size"]
        except (OSError, ValueError, KeyError) as error:
            raise JournalError(f"{self.path} cannot be read; delete it to load from the start ({error})") from error
        if size != self._size():
            raise JournalError(f"{self._loaded} has changed since; delete {self.path} to load from the start")
        for line in lines:
            try:
                first, last = json.loads(line)
            except ValueError:
                break  # cut short by the interruption: that batch is sent again, under the same key
            self._done.add((first, last))

    def left(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries that no answered batch held, in their order."""
        ranges = sorted(self._done)
        at = 0
        for entry in entries:
            while at < len(ranges) and entry.number > ranges[at][1]:
                at += 1
            if at == len(ranges) or entry.number < ranges[at][0]:
                yield entry

    def note(self, sent: Sent) -> None:
        """Keep that a batch was answered."""
        self._append([sent.first, sent.last])

    def finish(self) -> None:
        """The file is loaded; the journal goes."""
        self.path.unlink(missing_ok=True)

    def _append(self, entry: object, mode: str = "a") -> None:
        try:
            with self.path.open(mode, encoding="utf-8") as journal:
                journal.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise JournalError(f"progress cannot be kept in {self.path}: {error}") from error

    def _size(self) -> int:
        return self._loaded.stat().st_size
