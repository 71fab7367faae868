"""The faults that AWS documents, for each call, drawn from the seed.

A draw depends on the seed, the operation, the second in which it is called, and how many calls of it that second has
had. So a history can be shrunk: without one action, the faults of the others stay what they were.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

SLOW_SECONDS: Final = 8.0  # below the read time-out of 10 s
TIME_OUT_SECONDS: Final = 10.0

THROTTLED_DYNAMODB: Final = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
DYNAMODB: Final = (*THROTTLED_DYNAMODB, "InternalServerError")
S3: Final = ("SlowDown", "InternalError", "ServiceUnavailable")
SQS: Final = ("RequestThrottled", "ServiceUnavailable", "KmsThrottled")
KINESIS: Final = ("LimitExceededException", "InternalFailure", "KMSThrottlingException")

INVOCATIONS: Final = 0.2  # how often an invocation is hit, beside a call

# Of each operation: the error codes that it answers with, and what else may become of it.
FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "PutRecords": ("partial", "cut", *KINESIS),
    "PutRecord": KINESIS,
    "GetRecords": ("ProvisionedThroughputExceededException", "InternalFailure"),
    "GetShardIterator": ("ProvisionedThroughputExceededException",),
    "ListShards": ("LimitExceededException",),
    "BatchWriteItem": ("unprocessed", "cut", *DYNAMODB),
    "PutItem": DYNAMODB,
    "UpdateItem": DYNAMODB,
    "GetItem": DYNAMODB,
    "SendMessage": SQS,
    "SendMessageBatch": SQS,
    "ReceiveMessage": SQS,
    "DeleteMessageBatch": SQS,
    "ChangeMessageVisibilityBatch": SQS,
    "PutObject": S3,
    "GetObject": S3,
    "ListObjectsV2": S3,
    "DeleteObjects": S3,
}
ANY: Final = ("lost answer", "no connection", "time-out", "slow")
OF_FUNCTIONS: Final = ("killed before", "killed after")
OF_DELIVERIES: Final = ("unordered", "twice")  # SQS promises neither order nor that a message comes once


@dataclass(frozen=True, order=True, slots=True)
class Strike:
    """One call that a fault hits.

    Args:
        second: of simulated time.
        operation: of AWS, `invocation` or `delivery`.
        ordinal: among the calls of the operation in that second, from 1.
    """

    second: int
    operation: str
    ordinal: int


@dataclass(slots=True)
class Weather:
    """Draws faults.

    Args:
        seed: of the draws.
        share: of the calls that are hit.
        only: the faults that may strike; None: all that are drawn.
    """

    seed: int
    share: float
    only: Collection[Strike] | None = None
    calm: bool = False
    struck: list[Strike] = field(default_factory=list)
    _counts: dict[tuple[int, str], int] = field(default_factory=dict)

    def draw(self, elapsed: float, operation: str, *, of_function: bool) -> tuple[Strike, str | None]:
        """Whether a fault hits a call, and which.

        Args:
            elapsed: simulated seconds.
            operation: of AWS.
            of_function: whether a handler makes the call, which may be killed by it.
        """
        faults = (*FAULTS.get(operation, ()), *ANY, *(OF_FUNCTIONS if of_function else ()))
        return self._draw(elapsed, operation, faults, self.share)

    def invocation(self, elapsed: float) -> str | None:
        """Whether an invocation is killed before or after its work; its events are delivered again."""
        return self._draw(elapsed, "invocation", OF_FUNCTIONS, self.share * INVOCATIONS)[1]

    def delivery(self, elapsed: float) -> str | None:
        """Whether messages of a queue come in no order, or once more."""
        return self._draw(elapsed, "delivery", OF_DELIVERIES, self.share)[1]

    def _draw(self, elapsed: float, operation: str, faults: tuple[str, ...], share: float) -> tuple[Strike, str | None]:
        second = int(elapsed)
        ordinal = self._counts.get((second, operation), 0) + 1
        self._counts[second, operation] = ordinal
        strike = Strike(second, operation, ordinal)
        if self.calm or (self.only is not None and strike not in self.only):
            return strike, None
        source = random.Random(f"{self.seed}/{second}/{operation}/{ordinal}")
        if source.random() >= share:
            return strike, None
        self.struck.append(strike)
        return strike, source.choice(faults)
