"""A Lambda function run in this process: events as JSON, a time-out, limited concurrency, errors in Lambda's form.

Each execution environment is a thread that stays warm for the next event, as on Lambda. A caller hands its event over
and waits for the answer with a time-out: two changes of threads, 0.1 to 0.2 ms on two cores. `invoke_here` takes 0.02.

What differs from Lambda: a handler that runs out of time cannot be killed. Its thread is abandoned, its answer is
thrown away, and it counts towards the concurrency until it ends. Environment variables are shared by all functions
of the process, so `_X_AMZN_TRACE_ID` is never set: two invocations at once would read each other's.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final

from infra.local.lambda_context import LambdaContext, new_log_stream_name
from producers.clock import SYSTEM_CLOCK, Clock

MAX_PAYLOAD_BYTES = 6_291_556  # request and response of a synchronous invocation (Lambda quota "6 MB", 2026)
DEFAULT_CONCURRENCY = 64  # threads of one function; an account on AWS has 1,000 executions

_log = logging.getLogger("spillway.functions")

# Compact, and strict: NaN and infinities are not JSON. Lambda's Python 3.11 runtime escapes what is not ASCII.
_event_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False)
_answer_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class FunctionThrottled(Exception):
    """No execution environment is free (TooManyRequestsException, 429): the handler has not seen the event.

    Args:
        message: Lambda's words, then which function.
    """

    reason: Final = "ReservedFunctionConcurrentInvocationLimitExceeded"


class RequestTooLarge(Exception):
    """The event is over 6 MB (RequestEntityTooLargeException, 413): the handler has not seen it and never will."""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """Why an invocation failed, as in the `errorType` and `errorMessage` of Lambda's answer."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What became of one invocation.

    Args:
        payload: the handler's answer, as it came through JSON; None where it failed.
        error: why it failed, None where it did not.
        request_id: the invocation's id, which the on-failure message of an event source mapping names.
    """

    payload: Any
    error: FunctionError | None
    request_id: str = ""


class LocalFunction:
    """One Lambda function.

    Args:
        name: such as `spillway-local-table-writer`.
        handler: called with the event and a context, as Lambda would.
        timeout_seconds: an invocation that takes longer is answered with `Sandbox.Timedout`.
        memory_mib: the handler sees it; nothing is limited.
        arn: of the function; the handler sees it.
        clock: what `get_remaining_time_in_millis` falls by. The time-out itself is of the machine's clock.
        reserved_concurrency: how many invocations may run at once, abandoned ones counted in.
    """

    def __init__(
        self,
        name: str,
        handler: Callable[[Any, Any], Any],
        timeout_seconds: float,
        memory_mib: int,
        arn: str,
        *,
        clock: Clock = SYSTEM_CLOCK,
        reserved_concurrency: int = DEFAULT_CONCURRENCY,
    ) -> None:
        self.name = name
        self.arn = arn
        self._handler = handler
        self.timeout_seconds = timeout_seconds
        self._memory_mib = memory_mib
        self._clock = clock
        self._reserved_concurrency = reserved_concurrency
        self._log_stream_name = new_log_stream_name(clock)
        self._lock = threading.Lock()
        self._warm: list[_Environment] = []  # the last used is used next, as on Lambda
        self._environments = 0

    def invoke(self, event: Any) -> InvocationResult:
        """Run the handler with one event, and wait for its answer.

        Raises:
            FunctionThrottled: as many invocations as reserved are running or abandoned.
            RequestTooLarge: the event is over 6,291,556 bytes of JSON.
            ValueError, TypeError: the event cannot be written as JSON (the caller's mistake).
        """
        body = self._body(event)
        environment = self._take_environment()
        call = _Call(body, self._context(environment.log_stream_name))
        environment.calls.put(call)
        if not call.finished.acquire(timeout=self.timeout_seconds) and self._abandon(call):
            return self._timed_out(call.context)
        assert call.result is not None  # noqa: S101 (released only once the result is set)
        return call.result

    def invoke_here(self, event: Any) -> InvocationResult:
        """Run the handler in the caller's own thread: no change of threads, and no time-out while it runs.

        For callers that watch over their threads themselves, such as `asyncio.wait_for` around an executor. An answer
        that comes after the time-out is thrown away here too. Raises what `invoke` raises.
        """
        body = self._body(event)
        with self._lock:
            self._occupy()
        try:
            context = self._context(self._log_stream_name)
            started = time.monotonic()
            result = self._run(_Call(body, context))
            in_time = time.monotonic() - started <= self.timeout_seconds
            return result if in_time else self._timed_out(context)
        finally:
            with self._lock:
                self._environments -= 1

    def close(self) -> None:
        """End the warm environments. The function still works afterwards, from cold."""
        with self._lock:
            warm, self._warm = self._warm, []
            self._environments -= len(warm)
        for environment in warm:
            environment.calls.put(None)

    def _body(self, event: Any) -> bytes:
        body = _event_encoder.encode(event).encode("utf-8", "surrogatepass")
        if len(body) > MAX_PAYLOAD_BYTES:
            raise RequestTooLarge(f"{self.name}: {len(body)} bytes of event; Lambda takes {MAX_PAYLOAD_BYTES}")
        return body

    def _context(self, log_stream_name: str) -> LambdaContext:
        return LambdaContext(
            aws_request_id=str(uuid.uuid4()),
            function_name=self.name,
            memory_limit_in_mb=str(self._memory_mib),
            invoked_function_arn=self.arn,
            log_group_name=f"/aws/lambda/{self.name}",
            log_stream_name=log_stream_name,
            deadline=self._clock.monotonic() + self.timeout_seconds,
            clock=self._clock,
        )

    def _take_environment(self) -> "_Environment":
        with self._lock:
            if self._warm:
                return self._warm.pop()
            self._occupy()
        environment = _Environment(new_log_stream_name(self._clock))
        threading.Thread(target=self._serve, args=(environment,), name=f"lambda {self.name}", daemon=True).start()
        return environment

    def _occupy(self) -> None:
        """Count one more environment; the caller holds the lock."""
        if self._environments >= self._reserved_concurrency:
            if not self._warm:
                raise FunctionThrottled(f"Rate Exceeded. {self.name} runs {self._environments} invocations, its limit.")
            self._warm.pop(0).calls.put(None)
            self._environments -= 1
        self._environments += 1

    def _serve(self, environment: "_Environment") -> None:
        """Answer one call after another until `close`, or until a call is abandoned."""
        while (call := environment.calls.get()) is not None:
            result = self._run(call)
            with self._lock:
                if call.abandoned:
                    self._environments -= 1
                    return
                call.result = result
                self._warm.append(environment)
            call.finished.release()

    def _abandon(self, call: "_Call") -> bool:
        """Give up on a call, unless it was answered this very moment."""
        with self._lock:
            call.abandoned = call.result is None
            return call.abandoned

    def _run(self, call: "_Call") -> InvocationResult:
        request_id = call.context.aws_request_id
        try:
            answer = self._handler(json.loads(call.body), call.context)
        except SystemExit as stop:
            message = f"RequestId: {request_id} Error: Runtime exited with error: exit status {stop.code or 0}"
            return self._failed(request_id, "Runtime.ExitError", message)
        except BaseException as error:  # noqa: BLE001 (the edge of the process: what Lambda answers is an error)
            return self._failed(request_id, type(error).__name__, str(error))
        try:
            text = _answer_encoder.encode(answer)
        except (TypeError, ValueError, RecursionError) as error:
            return self._failed(request_id, "Runtime.MarshalError", f"Unable to marshal response: {error}")
        if len(text) > MAX_PAYLOAD_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
            return self._failed(request_id, "Function.ResponseSizeTooLarge", message)
        return InvocationResult(json.loads(text), None, request_id)

    def _failed(self, request_id: str, error_type: str, message: str) -> InvocationResult:
        _log.error("%s %s failed: %s: %s", self.name, request_id, error_type, message, exc_info=True)
        return InvocationResult(None, FunctionError(error_type, message), request_id)

    def _timed_out(self, context: LambdaContext) -> InvocationResult:
        request_id = context.aws_request_id
        _log.error("%s %s timed out after %.2f s", self.name, request_id, self.timeout_seconds)
        message = f"RequestId: {request_id} Error: Task timed out after {self.timeout_seconds:.2f} seconds"
        return InvocationResult(None, FunctionError("Sandbox.Timedout", message), request_id)


class _Call:
    """One event on its way to a handler, and the place where its answer is put."""

    __slots__ = ("abandoned", "body", "context", "finished", "result")

    def __init__(self, body: bytes, context: LambdaContext) -> None:
        self.body = body
        self.context = context
        self.finished = threading.Lock()  # taken until the answer is there: the cheapest thing to wait on
        self.finished.acquire()
        self.result: InvocationResult | None = None
        self.abandoned = False


class _Environment:
    """An execution environment: what hands calls to its thread."""

    __slots__ = ("calls", "log_stream_name")

    def __init__(self, log_stream_name: str) -> None:
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self.log_stream_name = log_stream_name
