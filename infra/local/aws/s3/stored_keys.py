"""What moto takes for the dictionary of a bucket's objects; changes of a request are kept together at its end."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.s3.models import FakeKey

from infra.local.aws.s3.object_state import StoredKey, state_of
from infra.local.store.object_files import ObjectFiles, Put, StoredObject


class StoredKeys:
    """The objects of one bucket that has no versions.

    Args:
        objects: the store's.
        bucket: the bucket's name.
        made: makes moto's object of a stored one.
    """

    def __init__(self, objects: ObjectFiles, bucket: str, made: Callable[[StoredObject], StoredKey]) -> None:
        self._objects = objects
        self._bucket = bucket
        self._made = made
        self._changes: dict[str, FakeKey | None] = {}  # of the request that is under way; None: deleted
        self._changing = 0  # the thread that serves it

    def __getitem__(self, name: str) -> FakeKey:
        found: FakeKey | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """An object."""
        if self._is_mine() and name in self._changes:
            return self._changes[name] or default
        stored = self._objects.get(self._bucket, name)
        return default if stored is None else self._made(stored)

    def getlist(self, name: str, default: Any = None) -> Any:
        """The one version of an object, in a list."""
        found = self.get(name)
        return default if found is None else [found]

    def setlist(self, name: str, versions: list[FakeKey]) -> None:
        """Put an object."""
        self._change(name, versions[-1])

    def pop(self, name: str) -> None:
        """Delete an object."""
        if self.get(name) is None:
            raise KeyError(name)
        self._change(name, None)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __len__(self) -> int:
        return sum(1 for _ in self._objects.listed(self._bucket))

    def __bool__(self) -> bool:
        return bool(self._objects.listed(self._bucket, limit=1))

    def items(self) -> Iterator[tuple[str, FakeKey]]:
        """Every object, by key."""
        return ((stored.key, self._made(stored)) for stored in self._objects.listed(self._bucket))

    def keys(self) -> Iterator[str]:
        """Every key."""
        return (stored.key for stored in self._objects.listed(self._bucket))

    def values(self) -> Iterator[FakeKey]:
        """Every object."""
        return (key for _, key in self.items())

    def iterlists(self) -> Iterator[tuple[str, list[FakeKey]]]:
        """Every object, in a list each."""
        return ((name, [key]) for name, key in self.items())

    def item_size(self) -> int:
        """The bytes of all objects."""
        return sum(stored.size for stored in self._objects.listed(self._bucket))

    def touch(self, key: FakeKey) -> None:
        """Keep what was changed of an object besides its bytes."""
        self._change(key.name, key)

    def keep(self) -> None:
        """Keep what this thread's request has changed; on disk when this returns.

        Raises:
            StoreFull: the disk is full; nothing of it was kept.
        """
        if not self._is_mine():
            return
        changes, self._changes = self._changes, {}
        puts = [
            Put(name, state_of(key), None if isinstance(key, StoredKey) else key.value)
            for name, key in changes.items()
            if key is not None
        ]
        try:
            self._objects.commit(self._bucket, puts, [name for name, key in changes.items() if key is None])
        finally:
            _dispose(changes.values())

    def forget(self) -> None:
        """Let go of what this thread's request has changed: it failed."""
        if self._is_mine():
            changes, self._changes = self._changes, {}
            _dispose(changes.values())

    def _change(self, name: str, key: FakeKey | None) -> None:
        self._changing = threading.get_ident()
        self._changes[name] = key

    def _is_mine(self) -> bool:
        return bool(self._changes) and self._changing == threading.get_ident()


def _dispose(keys: Iterable[FakeKey | None]) -> None:
    """Close the buffers of new objects, whose bytes are in files now or nowhere."""
    for key in keys:
        if key is not None and not isinstance(key, StoredKey):
            key.dispose()
