"""The audit of a plan being carried out: a line of JSON for each thing done, and the place from which to go on."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from infra.shards.errors import ShardsError

Happening = Literal["begun", "done", "stopped"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Args:
        at: UTC, ISO 8601.
        by: ARN of whose credentials were used.
        plan: id of the plan file.
        stream: the stream's name.
        step: counted from 1.
        happening: a step was begun, done, or the plan was stopped before it.
        what: the step, such as `scale 2 to 4 shards`.
        shards: open at that time.
        detail: why it was stopped, or the hash key of a split; else empty.
    """

    at: str
    by: str
    plan: str
    stream: str
    step: int
    happening: Happening
    what: str
    shards: int
    detail: str = ""


class Journal:
    """A file of JSON Lines, only ever added to.

    Args:
        path: of the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, entry: Entry) -> None:
        """Write a line, and see to it that it is on the disk before going on."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(entry)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self, plan: str) -> list[Entry]:
        """The lines about one plan, in order; a last line that a kill cut short is passed over.

        Raises:
            ShardsError: the file is something else.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(Entry(**json.loads(line)))
            except (ValueError, TypeError) as error:
                if number < len(lines):
                    raise ShardsError(f"{self.path} line {number} is not of a journal of shards apply") from error
        return [entry for entry in found if entry.plan == plan]
