"""Replaces a backend of moto's by one of ours."""

from typing import Any

from moto.core.base_backend import BackendDict


def use_backend(backends: BackendDict[Any], backend: type[Any]) -> None:
    """Let moto create backends of this class for a service, and forget existing ones of other classes."""
    backends.backend = backend
    for of_account in list(backends.values()):
        of_account.backend = backend
        for region, existing in list(of_account.items()):
            if type(existing) is not backend:
                del of_account[region]
