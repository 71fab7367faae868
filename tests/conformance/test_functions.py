"""Lambda: what the caller of a function gets when it returns, fails or takes too long."""

import json
from typing import Any

import pytest

from infra.local.functions import FunctionThrottled
from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.local_account import LocalAccount
from tests.conformance.refusals import refused

RESPONSE_BYTES = 6 * 1024 * 1024 + 100


def invoke(account: Account, function: str, event: Any = None) -> tuple[str | None, Any]:
    """Invoke a function and wait; the FunctionError that AWS names, and the payload."""
    if isinstance(account, LocalAccount):
        result = account.invoke_of(function)(event)
        if result.error is None:
            return None, result.payload
        return "Unhandled", {"errorType": result.error.type, "errorMessage": result.error.message}
    answer = account.lambda_.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


@fact("[m lambda Invoke]")
def test_an_answer_comes_back_as_json(account: Account) -> None:
    function = account.function("def answer(event):\n    return {'got': event, 'pair': (1, 2)}\n")
    assert invoke(account, function, {"a": "é"}) == (None, {"got": {"a": "é"}, "pair": [1, 2]})


@fact("[m lambda Invoke]")
def test_an_exception_is_a_function_error_with_its_type_and_message(account: Account) -> None:
    function = account.function("def answer(event):\n    raise ValueError('as the test says')\n")
    error, payload = invoke(account, function)
    assert (error, payload["errorType"], payload["errorMessage"]) == ("Unhandled", "ValueError", "as the test says")


@fact("[LS invoke_with_timeout 2025-11-25]")
def test_a_time_out_is_a_function_error_of_the_sandbox(account: Account) -> None:
    function = account.function("def answer(event):\n    time.sleep(2)\n", timeout_seconds=1)
    error, payload = invoke(account, function)
    assert (error, payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in payload["errorMessage"]


@fact("[LS too_large_response 2025-11-24]")
def test_a_response_over_6_mib_and_100_bytes_is_a_function_error(account: Account) -> None:
    function = account.function(f"def answer(event):\n    return 'x' * {RESPONSE_BYTES - 1}\n")
    error, payload = invoke(account, function)
    assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    words = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
    assert payload["errorMessage"] == words


@fact("[LS too_large_response 2025-11-24]")
def test_a_response_of_6_mib_and_100_bytes_is_returned(account: Account) -> None:
    function = account.function(f"def answer(event):\n    return 'x' * {RESPONSE_BYTES - 2}\n")  # and two quotes
    error, payload = invoke(account, function)
    assert (error, len(payload)) == (None, RESPONSE_BYTES - 2)


@fact("[m lambda Invoke]")
def test_what_is_not_json_is_a_function_error(account: Account) -> None:
    function = account.function("def answer(event):\n    return object()\n")
    error, payload = invoke(account, function)
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.MarshalError")


@fact("[L23 python-context]")
def test_the_context_names_the_arn_it_was_invoked_by_and_the_request(account: Account) -> None:
    function = account.function()
    invoke(account, function)
    (seen,) = account.wait_for(lambda: account.seen_by(function))
    assert seen["arn"].endswith(f":function:{function}")
    assert len(seen["request_id"]) == 36


@fact("[LS concurrency_block 2025-11-24]")
def test_a_function_over_its_reserved_concurrency_is_throttled_by_429(account: Account) -> None:
    name = account.throttled()
    if isinstance(account, LocalAccount):
        with pytest.raises(FunctionThrottled, match=r"^Rate Exceeded\.") as throttled:
            account.invoke_of(name)({})
        assert throttled.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
        return
    with refused("TooManyRequestsException", saying="Rate Exceeded."):
        account.lambda_.invoke(FunctionName=name, Payload=b"{}")
