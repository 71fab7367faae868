"""The context object a Lambda handler gets beside its event."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from producers.clock import Clock


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What a handler of Lambda's Python runtime sees of its invocation; the names are Lambda's.

    Args:
        aws_request_id: of this invocation.
        function_name: the function's name.
        memory_limit_in_mb: a string, as Lambda's runtime gives it.
        invoked_function_arn: the ARN the function was called by.
        log_group_name: where CloudWatch would keep its log.
        log_stream_name: one for each execution environment.
        deadline: when the time-out falls, on the clock's monotonic seconds.
        clock: measures the remaining time.
        function_version: always `$LATEST` here.
    """

    aws_request_id: str
    function_name: str
    memory_limit_in_mb: str
    invoked_function_arn: str
    log_group_name: str
    log_stream_name: str
    deadline: float
    clock: Clock
    function_version: str = "$LATEST"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out, 0 once it has passed."""
        return max(0, int((self.deadline - self.clock.monotonic()) * 1000))


def new_log_stream_name(clock: Clock) -> str:
    """The log stream of a new execution environment: `2026/11/23/[$LATEST]<32 hexadecimal digits>`."""
    today = datetime.fromtimestamp(clock.time(), UTC)
    return f"{today:%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
