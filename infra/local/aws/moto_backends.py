"""Putting a backend of our own in the place of one of moto's."""

from typing import Any

from moto.core.base_backend import BackendDict


def use_backend(backends: BackendDict[Any], backend: type[Any]) -> None:
    """Let moto make backends of this class for a service, and forget those of another."""
    backends.backend = backend
    for of_account in list(backends.values()):
        of_account.backend = backend
        for region, existing in list(of_account.items()):
            if type(existing) is not backend:
                del of_account[region]
