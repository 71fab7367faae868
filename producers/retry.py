"""When to try again, and when to stop: one back-off and one reading of AWS errors for every caller."""

import random
from collections.abc import Callable
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from producers.clock import SYSTEM_CLOCK, Clock

FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 2.0

# Codes of the services' API references that say: the same call may work later. Statuses of 500 and more, and
# answers that never came, are taken the same way.
TRANSIENT_CODES: Final = frozenset({
    "InternalFailure",
    "InternalServerError",
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
})  # fmt: skip

AWS_ERRORS: Final = (ClientError, BotoCoreError)


def error_code(error: ClientError | BotoCoreError) -> str:
    """The AWS error code, such as `ThrottlingException`; the name of the exception where no answer came."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "Unknown")
    return type(error).__name__


def is_transient(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may work later. A call that was given up on may have taken effect all the same."""
    if isinstance(error, HTTPClientError | ConnectionError):
        return True
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or status == 429 or error_code(error) in TRANSIENT_CODES


def may_have_taken_effect(error: ClientError | BotoCoreError) -> bool:
    """Whether a failed call may have done its work: the service failed with 5xx, or its answer never came."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return False  # no connection, so nothing was sent
    return isinstance(error, HTTPClientError | ConnectionError)


class Backoff:
    """Waits between tries: exponential with full jitter, never past the deadline.

    Args:
        deadline: the moment on `clock.monotonic` after which there is no further try.
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

    def wait(self) -> bool:
        """Wait before the next try; False, at once, where the deadline leaves no time for one."""
        pause = self._ceiling * self._jitter()
        self._ceiling = min(self._ceiling * 2, LONGEST_WAIT_SECONDS)
        if self._clock.monotonic() + pause >= self._deadline:
            return False
        self._clock.sleep(pause)
        return True
