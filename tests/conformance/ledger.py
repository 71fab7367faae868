"""What a run creates, written to a file before it is created: so a run that was killed can be cleaned up after.

The file has a line for each resource that may exist, and one for each that is gone again.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its kind, such as `stream`, and its name."""

    kind: str
    name: str


class Ledger:
    """The resources of one account and region.

    Args:
        path: the file; None keeps nothing, for what does not outlive its process.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def will_create(self, resource: Resource) -> None:
        """Write a resource down. It is on disk when this returns."""
        self._append("create", resource)

    def is_gone(self, resource: Resource) -> None:
        """Strike a resource out."""
        self._append("gone", resource)

    def remaining(self) -> list[Resource]:
        """Return what may still exist, the latest first: what depends on others was created after them."""
        open_: dict[Resource, None] = {}
        for what, resource in self._lines():
            if what == "create":
                open_[resource] = None
            else:
                open_.pop(resource, None)
        return list(reversed(open_))

    def _lines(self) -> Iterator[tuple[str, Resource]]:
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_text().splitlines():
            try:
                fields = json.loads(line)
                yield fields["what"], Resource(fields["kind"], fields["name"])
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a run that was killed while it wrote; nothing was created after it

    def _append(self, what: str, resource: Resource) -> None:
        if self._path is None:
            return
        line = json.dumps({"what": what, "kind": resource.kind, "name": resource.name})
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
