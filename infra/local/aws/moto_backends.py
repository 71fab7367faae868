"""Replaces a backend of moto's by one of ours."""

from typing import Any, ClassVar

from moto.core.base_backend import BackendDict

from infra.local.store.store import Store


class Stored:
    """A backend whose things are kept in the store.

    `installed` of its module sets the store, and the names of what the store held at first and nobody created again.
    """

    store: ClassVar[Store | None] = None
    found: ClassVar[set[str]] = set()

    @property
    def held(self) -> Store:
        """The store.

        Raises:
            RuntimeError: the backend is not installed.
        """
        if self.store is None:
            raise RuntimeError(f"{type(self).__name__} has no store: use `installed` of its module")
        return self.store


def use_backend(backends: BackendDict[Any], backend: type[Any]) -> None:
    """Let moto create backends of this class for a service, and forget existing ones of other classes."""
    backends.backend = backend
    for of_account in list(backends.values()):
        of_account.backend = backend
        for region, existing in list(of_account.items()):
            if type(existing) is not backend:
                del of_account[region]
