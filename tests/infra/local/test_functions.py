import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.local.functions import (
    MAX_PAYLOAD_BYTES,
    FunctionThrottled,
    LocalFunction,
    RequestTooLarge,
)
from tests.clock import FakeClock

ARN = "arn:aws:lambda:eu-west-2:123456789012:function:echo"


@contextmanager
def function_of(handler: Callable[[Any, Any], Any], **options: Any) -> Iterator[LocalFunction]:
    settings: dict[str, Any] = {"timeout_seconds": 10, "memory_mib": 256, "arn": ARN, **options}
    function = LocalFunction("echo", handler, **settings)
    try:
        yield function
    finally:
        function.close()


def test_an_answer_comes_back() -> None:
    with function_of(lambda event, _: {"got": event}) as function:
        result = function.invoke({"a": [1, "é", None]})
    assert result.payload == {"got": {"a": [1, "é", None]}}
    assert result.error is None


def test_an_event_and_an_answer_go_through_json() -> None:
    seen: list[Any] = []

    def handler(event: Any, _context: Any) -> Any:
        seen.append(event)
        return {"pair": (1, 2), 3: "three"}

    event = {"pair": (1, 2)}
    with function_of(handler) as function:
        result = function.invoke(event)
    assert seen == [{"pair": [1, 2]}]
    assert result.payload == {"pair": [1, 2], "3": "three"}


def test_a_handler_cannot_change_its_callers_event() -> None:
    event = {"records": [1]}
    with function_of(lambda event, _: event["records"].clear()) as function:
        function.invoke(event)
    assert event == {"records": [1]}


@pytest.mark.parametrize("answer", [math.nan, math.inf, object(), {1, 2}, b"bytes"])
def test_an_answer_that_is_not_json_is_a_marshal_error(answer: Any) -> None:
    with function_of(lambda *_: answer) as function:
        result = function.invoke({})
    assert result.error is not None
    assert result.error.type == "Runtime.MarshalError"
    assert result.error.message.startswith("Unable to marshal response: ")


def test_the_largest_event_passes_and_one_byte_more_is_refused_unseen() -> None:
    seen: list[int] = []
    with function_of(lambda event, _: seen.append(len(event))) as function:
        function.invoke("x" * (MAX_PAYLOAD_BYTES - 2))
        with pytest.raises(RequestTooLarge):
            function.invoke("x" * (MAX_PAYLOAD_BYTES - 1))
    assert seen == [MAX_PAYLOAD_BYTES - 2]


def test_the_size_of_an_event_is_that_of_its_utf_8() -> None:
    with function_of(lambda event, _: len(event)) as function, pytest.raises(RequestTooLarge):
        function.invoke("é" * (MAX_PAYLOAD_BYTES // 2))


def test_the_largest_answer_passes_and_one_byte_more_is_an_error() -> None:
    with function_of(lambda size, _: "x" * size) as function:
        assert function.invoke(MAX_PAYLOAD_BYTES - 2).error is None
        error = function.invoke(MAX_PAYLOAD_BYTES - 1).error
    assert error is not None
    assert error.type == "Function.ResponseSizeTooLarge"


def test_the_context_has_what_lambdas_context_has() -> None:
    contexts: list[Any] = []
    clock = FakeClock()
    with function_of(lambda _, context: contexts.append(context), clock=clock) as function:
        result = function.invoke({})
        function.invoke({})
    context = contexts[0]
    assert context.aws_request_id == result.request_id != contexts[1].aws_request_id
    assert (context.function_name, context.function_version) == ("echo", "$LATEST")
    assert (context.memory_limit_in_mb, context.invoked_function_arn) == ("256", ARN)
    assert context.log_group_name == "/aws/lambda/echo"
    assert "/[$LATEST]" in context.log_stream_name
    assert context.log_stream_name == contexts[1].log_stream_name, "a warm environment keeps its log stream"


def test_the_remaining_time_falls_to_zero_and_no_further() -> None:
    clock = FakeClock()
    remaining: list[int] = []

    def handler(_event: Any, context: Any) -> None:
        for seconds in (0, 4, 7):
            clock.advance(seconds)
            remaining.append(context.get_remaining_time_in_millis())

    with function_of(handler, clock=clock) as function:
        function.invoke({})
    assert remaining == [10_000, 6_000, 0]


def test_a_crash_is_an_error_with_its_stack_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def handler(_event: Any, _context: Any) -> None:
        raise KeyError("user")

    with function_of(handler) as function, caplog.at_level(logging.DEBUG, "spillway.functions"):
        result = function.invoke({"secret": "never logged"})
    assert result.payload is None
    assert result.error is not None
    assert (result.error.type, result.error.message) == ("KeyError", "'user'")
    assert caplog.text.count("Traceback") == 1
    assert "never logged" not in caplog.text


def test_an_exit_is_an_error_and_not_the_end_of_the_process() -> None:
    def handler(_event: Any, _context: Any) -> None:
        raise SystemExit(3)

    with function_of(handler) as function:
        error = function.invoke({}).error
    assert error is not None
    assert error.type == "Runtime.ExitError"
    assert error.message.endswith("exit status 3")


def test_a_handler_out_of_time_is_answered_for_and_its_late_answer_thrown_away() -> None:
    release, ended = threading.Event(), threading.Event()

    def handler(event: Any, _context: Any) -> Any:
        if event == "slow":
            release.wait(10)
            ended.set()
        return event

    with function_of(handler, timeout_seconds=0.05) as function:
        error = function.invoke("slow").error
        assert error is not None
        assert error.type == "Sandbox.Timedout"
        assert error.message.endswith("Task timed out after 0.05 seconds")
        assert function.invoke("quick").payload == "quick"
        release.set()
        assert ended.wait(10)
        assert function.invoke("quick").payload == "quick"


def test_running_and_abandoned_invocations_are_bounded_together() -> None:
    release = threading.Event()
    with function_of(lambda *_: release.wait(10), timeout_seconds=0.02, reserved_concurrency=2) as function:
        try:
            for _ in range(2):
                assert function.invoke({}).error is not None
            with pytest.raises(FunctionThrottled):
                function.invoke({})
        finally:
            release.set()
        for _ in range(500):
            try:
                assert function.invoke({}).payload is True
            except FunctionThrottled:
                time.sleep(0.01)  # until an abandoned thread has ended
            else:
                break
        else:
            pytest.fail("an abandoned invocation that ended still takes up concurrency")


def test_invocations_at_once_get_their_own_answers() -> None:
    answers: dict[int, Any] = {}

    with function_of(lambda event, _: event * 2) as function:

        def call(number: int) -> None:
            answers[number] = [function.invoke(number * 100 + n).payload for n in range(100)]

        threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: [(number * 100 + n) * 2 for n in range(100)] for number in range(8)}


def test_an_event_that_is_not_json_is_the_callers_mistake() -> None:
    with function_of(lambda *_: None) as function:
        with pytest.raises(TypeError):
            function.invoke({"at": object()})
        with pytest.raises(ValueError, match="JSON compliant"):
            function.invoke({"at": math.nan})


def test_a_lone_surrogate_in_an_event_arrives_as_it_was() -> None:
    event = json.loads('{"text":"\\ud800"}')
    with function_of(lambda event, _: event["text"] == "\ud800") as function:
        assert function.invoke(event).payload is True


def test_a_handler_run_in_the_callers_thread_gives_the_same_answers() -> None:
    def handler(event: Any, _context: Any) -> Any:
        if event == "crash":
            raise KeyError(event)
        return [event, threading.current_thread().name]

    with function_of(handler) as function:
        assert function.invoke_here("ok").payload == ["ok", threading.current_thread().name]
        error = function.invoke_here("crash").error
    assert error is not None
    assert error.type == "KeyError"


def test_a_late_answer_in_the_callers_thread_is_thrown_away() -> None:
    with function_of(lambda *_: threading.Event().wait(0.002), timeout_seconds=0.001) as function:
        error = function.invoke_here({}).error
    assert error is not None
    assert error.type == "Sandbox.Timedout"


def test_invocations_in_the_callers_thread_count_towards_the_concurrency() -> None:
    functions: list[LocalFunction] = []
    refused: list[bool] = []

    def handler(event: Any, _context: Any) -> None:
        if event == "outer":
            with pytest.raises(FunctionThrottled):
                functions[0].invoke_here("inner")
            refused.append(True)

    with function_of(handler, reserved_concurrency=1) as function:
        functions.append(function)
        function.invoke("leaves a warm environment behind")
        function.invoke_here("outer")
        function.invoke_here("outer")
    assert refused == [True, True]
