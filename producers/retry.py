"""When to try again, and when to stop: one back-off and one reading of AWS errors for every caller."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own name)
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
)

from producers.clock import SYSTEM_CLOCK, Clock

FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 2.0

# Codes of the services' API references (2026), and those that botocore's standard mode retries. `KmsThrottled` and
# `KMS.ThrottlingException` are one error of SQS, in its JSON and in its query protocol.
THROTTLING_CODES: Final = frozenset({
    "BandwidthLimitExceeded",
    "KMS.ThrottlingException",
    "KMSThrottlingException",
    "KmsThrottled",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
})  # fmt: skip
# Further codes after which the same call may work later. Statuses from 500 on, and calls without an answer, count too.
TRANSIENT_CODES: Final = THROTTLING_CODES | {
    "InternalFailure",
    "InternalServerError",
    "OperationAborted",
    "PriorRequestNotComplete",
    "ReplicatedWriteConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "TransactionConflictException",
    "TransactionInProgressException",
}

AWS_ERRORS: Final = (ClientError, BotoCoreError)

_NEVER_SENT: Final = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)

T = TypeVar("T")


class CutAnswer(BotoCoreError):
    """An answer of status 200 lacks what it must have, so what the call did is unknown."""

    fmt = "the answer was cut: {problem}"


def required(answer: Mapping[str, Any], member: str) -> Any:
    """A member that every whole answer of a call has.

    Raises:
        CutAnswer: the answer lacks it.
    """
    value = answer.get(member)
    if value is None:
        raise CutAnswer(problem=f"it has no {member}")
    return value


def error_code(error: ClientError | BotoCoreError) -> str:
    """The AWS error code, such as `ThrottlingException`; the name of the exception where no answer came."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "Unknown")
    return type(error).__name__


def is_transient(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may work later."""
    if isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError | CutAnswer):
        return True
    if not isinstance(error, ClientError):
        return False
    return _status(error) >= 500 or _status(error) == 429 or error_code(error) in TRANSIENT_CODES


def is_throttling(error: ClientError | BotoCoreError) -> bool:
    """Whether AWS refused the call because there were too many."""
    return isinstance(error, ClientError) and (_status(error) == 429 or error_code(error) in THROTTLING_CODES)


def is_doubtful(error: ClientError | BotoCoreError) -> bool:
    """Whether the call may have taken effect although it failed.

    It has not where no connection came about, where AWS refused the call (a status below 500), and where botocore
    refused to send it.
    """
    if isinstance(error, ClientError):
        return _status(error) >= 500
    return is_transient(error) and not isinstance(error, _NEVER_SENT)


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


class Backoff:
    """Waits between tries: exponential with full jitter, never past the deadline.

    Args:
        deadline: the moment on `clock.monotonic` at which there is no further try.
        clock: the time.
        jitter: gives a number from 0 to 1.
    """

    def __init__(
        self, deadline: float, clock: Clock = SYSTEM_CLOCK, jitter: Callable[[], float] = random.random
    ) -> None:
        self._deadline = deadline
        self._clock = clock
        self._jitter = jitter
        self._ceiling = FIRST_WAIT_SECONDS

    @classmethod
    def lasting(cls, seconds: float, clock: Clock = SYSTEM_CLOCK) -> "Backoff":
        """A back-off whose deadline is so many seconds from now."""
        return cls(clock.monotonic() + seconds, clock)

    def wait(self) -> bool:
        """Wait before the next try; False, at once, where the deadline leaves no time for one."""
        pause = self._ceiling * self._jitter()
        self._ceiling = min(self._ceiling * 2, LONGEST_WAIT_SECONDS)
        if self._clock.monotonic() + pause >= self._deadline:
            return False
        self._clock.sleep(pause)
        return True

    def call(self, function: Callable[[], T]) -> T:
        """Call a function until it works, and return its result.

        Raises:
            ClientError, BotoCoreError: the function's error, where it is not transient or no time is left.
        """
        while True:
            try:
                return function()
            except AWS_ERRORS as error:
                if not is_transient(error) or not self.wait():
                    raise
