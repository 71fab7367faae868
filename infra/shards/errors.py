"""What stands in the way of a report, a plan or a step: one clear line each, and nothing was done."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from producers.explained import Explained

_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "AccessDeniedError"})


class ShardsError(Explained):
    """The shards cannot be read or changed; the message says why and what to do."""


class OnDemandStream(ShardsError):
    """AWS scales the stream itself."""


class StreamBusy(ShardsError):
    """The stream is not ACTIVE."""


class QuotaReached(ShardsError):
    """The account may not open so many shards."""


class ScalingsUsedUp(ShardsError):
    """UpdateShardCount was called ten times in the last 24 hours."""


class NotAllowed(ShardsError):
    """A permission is missing."""


class MetricsMissing(ShardsError):
    """CloudWatch has nothing to decide on."""


class StalePlan(ShardsError):
    """The stream is no longer what the plan was made for."""


class Stopped(ShardsError):
    """A plan was begun and stopped on the way; what is done stays done."""


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Turn what AWS refuses within the block into one clear line.

    Args:
        what: it is about, such as `stream spillway-prod-events`.

    Raises:
        ShardsError: or one of its kinds.
    """
    try:
        yield
    except ClientError as error:
        raise _translated(error, what) from error


def _translated(error: ClientError, what: str) -> ShardsError:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    operation = error.operation_name
    if code in _DENIED:
        return NotAllowed(f"{what}: not allowed to call {operation}; give the role that permission ({message})")
    if code == "ResourceNotFoundException":
        return ShardsError(f"{what}: it does not exist; is --env right? ({message})")
    if code == "ResourceInUseException":
        return StreamBusy(f"{what}: it is being changed already; try again when it is ACTIVE ({message})")
    if code == "LimitExceededException" and operation == "UpdateShardCount" and "24" in message:
        return ScalingsUsedUp(f"{what}: its changes of the last 24 hours are used up ({message})")
    if code == "LimitExceededException":
        return QuotaReached(f"{what}: {operation} is over a limit of AWS ({message})")
    return ShardsError(f"{what}: {operation} failed with {code} ({message})")
