"""How far a load got, kept in a file beside each file that it loads, so that it resumes without sending twice.

Each journal begins with a line for the load, and has a line for every batch that was answered. A file that is finished
keeps its journal until the whole load is done. Then one line in the first file's journal says so, and the journals go:
whenever the load is killed, the next one finds out what is left.
"""

import contextlib
import errno
import fcntl
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from infra.loading.sources import Batch
from producers.explained import Explained

SUFFIX: Final = ".spillway-load"
VERSION: Final = 2


class JournalError(Explained):
    """A load cannot begin or be resumed; the message says why and what to do."""


class EarlierLoad(JournalError):
    """A journal of an earlier load is there, which was neither resumed nor given up."""


def journal_path(path: Path) -> Path:
    """Where the progress of loading a file is kept."""
    return path.with_name(path.name + SUFFIX)


def open_for_append(path: Path) -> IO[str]:
    """Open a file to add lines to it. A symbolic link is not followed: it may lead to any file.

    Raises:
        JournalError: it is a link, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise JournalError(f"{path} is a symbolic link, which is not written through: remove it") from error
        raise JournalError(f"{path} cannot be written: {error.strerror}") from error
    return os.fdopen(descriptor, "a+", encoding="utf-8")


class Journal:
    """The progress of loading one file.

    Args:
        path: the file that is loaded.
    """

    def __init__(self, path: Path) -> None:
        self.loaded = path
        self.path = journal_path(path)
        self.head: dict[str, Any] = {}
        self._answered: set[tuple[int, int]] = set()
        self.is_complete = False
        self._file: IO[str] | None = None

    def open(self) -> None:
        """Open the journal, read what is in it, and keep other loads of the file away.

        Raises:
            JournalError: another load is under way, or the journal cannot be read or written.
        """
        self._file = open_for_append(self.path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalError(f"another load of {self.loaded} is under way: wait until it ends") from error
        self._read(self._file)

    def _read(self, file: IO[str]) -> None:
        file.seek(0)
        whole = 0
        for line in file.read().splitlines(keepends=True):
            if not line.endswith("\n"):
                break  # cut short when the load was killed: that batch is sent again, under the same key
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise JournalError(
                    f"{self.path} is not a journal of this version: delete it, and load from the start ({error})"
                ) from error
            whole += len(line.encode())
        file.truncate(whole)

    def _take(self, line: Any) -> None:
        if not self.head:
            if line["version"] != VERSION:
                raise KeyError(f"version {line['version']}")
            self.head = line
        elif line == "complete":
            self.is_complete = True
        else:
            first, last = line
            self._answered.add((first, last))

    def begin(self, head: dict[str, Any]) -> None:
        """Write the first line."""
        self._file_at_hand().truncate(0)
        self.head, self._answered, self.is_complete = head, set(), False
        self._append(head)

    def left(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches that were not answered, in their order."""
        return (batch for batch in batches if (batch.first, batch.last) not in self._answered)

    def note(self, first: int, last: int) -> None:
        """Keep that a batch was answered."""
        self._answered.add((first, last))
        self._append([first, last])

    def complete(self) -> None:
        """Keep that the whole load is done; from here on nothing is sent again."""
        self._append("complete")
        os.fsync(self._file_at_hand().fileno())

    def remove(self) -> None:
        """Remove the journal."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def answered(self) -> int:
        """How many entries the answered batches held, by their numbers."""
        return sum(last - first + 1 for first, last in self._answered)

    def _append(self, entry: object) -> None:
        file = self._file_at_hand()
        try:
            file.write(json.dumps(entry) + "\n")
            file.flush()
        except OSError as error:
            raise JournalError(f"progress cannot be kept in {self.path}: {error.strerror}") from error

    def _file_at_hand(self) -> IO[str]:
        if self._file is None:
            raise JournalError(f"{self.path} is not open")
        return self._file


class Journals:
    """The journals of one load, of one file or several.

    Args:
        paths: the files, in the order in which they are loaded.
        reading: how they are read, such as the delimiter; a resumed load has to read them likewise.
    """

    def __init__(self, paths: Sequence[Path], reading: dict[str, Any] | None = None) -> None:
        self._journals = [Journal(path) for path in paths]
        self._reading = reading or {}
        self.load_id = uuid.uuid4().hex

    def __enter__(self) -> "Journals":
        with contextlib.ExitStack() as stack:
            for journal in self._journals:
                stack.callback(journal.close)
                journal.open()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for journal in self._journals:
            if not journal.head:  # opened, and not begun
                journal.remove()
        self._stack.close()

    def __getitem__(self, number: int) -> Journal:
        return self._journals[number]

    @property
    def earlier(self) -> list[Journal]:
        """The journals that an earlier load left."""
        return [journal for journal in self._journals if journal.head]

    def begin(self) -> None:
        """Begin from the start, and discard what an earlier load left."""
        for number, journal in enumerate(self._journals):
            journal.begin(self._head(number))

    def resume(self) -> bool:
        """Continue the earlier load; False where all of it is done already.

        Raises:
            JournalError: no load was interrupted, it was of other files, or a file or how it is read has changed.
        """
        first = self._journals[0]
        if not first.head:
            self._refuse_others()
        self.load_id = first.head["load_id"]
        for number, journal in enumerate(self._journals):
            expected = self._head(number)
            if not journal.head:
                if first.is_complete:
                    continue  # removed already
                journal.begin(expected)  # killed before it was written
            if journal.head != expected:
                raise JournalError(_difference(journal, expected))
        return not first.is_complete

    def finish(self) -> None:
        """The whole load is done: one line says so, then the journals go, the first one last."""
        self._journals[0].complete()
        for journal in reversed(self._journals):
            journal.remove()

    def _refuse_others(self) -> None:
        if earlier := self.earlier:
            raise JournalError(
                f"{earlier[0].loaded} was loaded together with other files: resume with the same files in the same "
                f"order: {' '.join(earlier[0].head['files'])}"
            )
        raise JournalError("there is nothing to resume: no load was begun, or it is done")

    def _head(self, number: int) -> dict[str, Any]:
        path = self._journals[number].loaded
        found = path.stat()
        return {
            "version": VERSION,
            "load_id": self.load_id,
            "files": [str(journal.loaded.resolve()) for journal in self._journals],
            "size": found.st_size,
            "modified": found.st_mtime_ns,
            "reading": self._reading,
        }


def _difference(journal: Journal, expected: dict[str, Any]) -> str:
    """Why a journal is not of this load."""
    again = "; --restart sends everything from the start"
    if journal.head.get("files") != expected["files"]:
        files = " ".join(journal.head.get("files", ()))
        return f"{journal.loaded} was loaded with other files; resume with {files}{again}"
    if (journal.head.get("size"), journal.head.get("modified")) != (expected["size"], expected["modified"]):
        return f"{journal.loaded} has changed since the load began{again}"
    if journal.head.get("reading") != expected["reading"]:
        return f"{journal.loaded} was read with other options: {json.dumps(journal.head.get('reading'))}{again}"
    return f"{journal.path} is of another load{again}"
