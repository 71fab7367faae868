"""What a lane of an event source mapping has to do next."""

from dataclasses import dataclass
from enum import Enum

from infra.local.event_sources.stream_records import StreamRecord


class Condition(Enum):
    """Why records were given up, in the on-failure message's words."""

    RETRY_ATTEMPTS_EXHAUSTED = "RetryAttemptsExhausted"
    RECORD_AGE_EXCEEDED = "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class Invoke:
    """Invoke the function with these records, then `settle` or `refuse`."""

    records: tuple[StreamRecord, ...]


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Send a pointer to these records, then call `released`, or `refuse` where it could not be sent.

    Args:
        records: in the order of the shard, at least one.
        condition: why.
        invocations: how often these records failed together; at least 1, since that is what Lambda says of any.
        function_error: "Unhandled" for an exception or a time-out, None for a partial answer.
        request_id: of the last invocation; empty before the first.
    """

    records: tuple[StreamRecord, ...]
    condition: Condition
    invocations: int
    function_error: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until records come, or until a time on the monotonic clock where one is known."""

    until: float | None


Step = Invoke | GiveUp | Wait
