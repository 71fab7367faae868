"""A full disk as AWS's clients understand it: the service failed, and may be asked again."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from moto.core.exceptions import JsonRESTError, ServiceException

from infra.local.store.errors import StoreFull

P = ParamSpec("P")
T = TypeVar("T")


class DiskFull(JsonRESTError):
    """The answer 500 of a service of the JSON protocol.

    Args:
        code: `InternalFailure`, or what the service calls it.
    """

    code = 500

    def __init__(self, code: str = "InternalFailure") -> None:
        super().__init__(code, "The disk of this machine is full; nothing was written. Make room, and send it again.")


def answered_as_service_error(call: Callable[P, T]) -> Callable[P, T]:
    """Let a call of a service answer `InternalError` where the disk is full."""

    @wraps(call)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except StoreFull as full:
            raise ServiceException("InternalError", str(full)) from full

    return answer
