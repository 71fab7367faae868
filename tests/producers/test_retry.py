"""When a call is made again, how long the waits are, and which errors say what."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
)

from producers.retry import (
    THROTTLING_CODES,
    TRANSIENT_CODES,
    Backoff,
    CutAnswer,
    error_code,
    is_doubtful,
    is_throttling,
    is_transient,
    required,
)
from tests.aws_errors import aws_error
from tests.clock import RecordingClock

URL = "https://kinesis"


def waits(count: int, jitter: float) -> list[float]:
    clock = RecordingClock()
    backoff = Backoff(clock.monotonic() + 1000, clock, lambda: jitter)
    assert all(backoff.wait() for _ in range(count))
    return clock.sleeps


def test_waits_double_from_fifty_milliseconds_up_to_two_seconds():
    assert waits(8, 1.0) == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_jitter_takes_any_share_of_the_wait():
    assert waits(8, 0.5) == [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert waits(3, 0.0) == [0.0, 0.0, 0.0]


def test_without_a_jitter_of_the_caller_waits_are_random():
    clock = RecordingClock()
    backoff = Backoff(clock.monotonic() + 1000, clock)
    for _ in range(20):
        backoff.wait()
    assert len(set(clock.sleeps)) > 10
    assert all(0 <= sleep <= 2 for sleep in clock.sleeps)


@pytest.mark.parametrize(
    ("left", "waited"), [(0.051, True), (0.05, False), (0.049, False), (0.0, False), (-1.0, False)]
)
def test_a_wait_that_would_reach_the_deadline_is_not_begun(left, waited):
    clock = RecordingClock()
    assert Backoff(clock.monotonic() + left, clock, lambda: 1.0).wait() is waited
    assert clock.sleeps == ([0.05] if waited else [])


def test_a_backoff_lasts_so_many_seconds_from_its_making():
    clock = RecordingClock()
    assert Backoff.lasting(60, clock).wait()
    assert len(clock.sleeps) == 1
    backoff = Backoff.lasting(0.06, clock)
    clock.advance(0.06)
    assert not backoff.wait()


class Flaky:
    """A call that fails with each error in turn, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_a_call_is_made_again_until_it_works():
    clock, flaky = RecordingClock(), Flaky(*[aws_error("ThrottlingException")] * 3)
    assert Backoff(clock.monotonic() + 60, clock, lambda: 1.0).call(flaky) == "done"
    assert (flaky.calls, clock.sleeps) == (4, [0.05, 0.1, 0.2])


def test_a_call_that_can_not_work_is_made_once():
    clock, flaky = RecordingClock(), Flaky(aws_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        Backoff(clock.monotonic() + 60, clock).call(flaky)
    assert (flaky.calls, clock.sleeps) == (1, [])


def test_when_time_is_up_the_last_error_is_raised():
    clock = RecordingClock()
    flaky = Flaky(aws_error("Throttling"), aws_error("Throttling"), aws_error("SlowDown"), aws_error("Throttling"))
    with pytest.raises(ClientError, match="SlowDown"):
        Backoff(clock.monotonic() + 0.3, clock, lambda: 1.0).call(flaky)
    assert flaky.calls == 3


def test_what_is_not_an_error_of_aws_is_raised_at_once():
    flaky = Flaky(KeyError("a bug"))
    with pytest.raises(KeyError):
        Backoff.lasting(60, RecordingClock()).call(flaky)
    assert flaky.calls == 1


NEVER_SENT: list[BotoCoreError] = [
    EndpointConnectionError(endpoint_url=URL),
    ConnectTimeoutError(endpoint_url=URL),
    ProxyConnectionError(proxy_url=URL),
]
CUT_OFF: list[BotoCoreError] = [
    ReadTimeoutError(endpoint_url=URL),
    ConnectionClosedError(endpoint_url=URL),
    IncompleteReadError(actual_bytes=1, expected_bytes=2),
    CutAnswer(problem="it has no Records"),
]


@pytest.mark.parametrize("error", NEVER_SENT + CUT_OFF, ids=error_code)
def test_a_call_without_a_whole_answer_may_work_later(error):
    assert is_transient(error)
    assert not is_throttling(error)


@pytest.mark.parametrize(("status", "transient"), [(400, False), (428, False), (429, True), (430, False), (499, False)])
def test_of_the_statuses_below_500_only_429_is_transient_by_itself(status, transient):
    error = aws_error("AnyCode", status)
    assert (is_transient(error), is_throttling(error), is_doubtful(error)) == (transient, transient, False)


@pytest.mark.parametrize("status", [500, 501, 503, 599])
def test_a_status_from_500_on_is_transient_and_leaves_doubt(status):
    error = aws_error("AnyCode", status)
    assert (is_transient(error), is_throttling(error), is_doubtful(error)) == (True, False, True)


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
def test_a_transient_code_may_work_later_and_was_not_carried_out(code):
    error = aws_error(code)
    assert is_transient(error)
    assert is_throttling(error) == (code in THROTTLING_CODES)
    assert not is_doubtful(error)


@pytest.mark.parametrize(
    "code",
    [
        "KmsThrottled",  # SQS API reference, SendMessage, in JSON
        "KMS.ThrottlingException",  # the same in the query protocol, which botocore prefers
        "KMSThrottlingException",  # Kinesis
        "ProvisionedThroughputExceededException",  # Kinesis, DynamoDB
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",  # SQS
        "SlowDown",  # S3
        "TooManyRequestsException",  # Athena, Lambda
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "BandwidthLimitExceeded",
    ],
)
def test_throttling_has_many_names(code):
    assert is_throttling(aws_error(code))


def test_the_list_of_throttling_names_is_the_one_above():
    assert len(THROTTLING_CODES) == 14


@pytest.mark.parametrize(
    "code",
    [
        "InternalFailure",
        "InternalServerError",
        "OperationAborted",  # S3: a conflicting operation is under way
        "PriorRequestNotComplete",
        "ReplicatedWriteConflictException",  # DynamoDB, a table with strongly consistent replicas
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "TransactionConflictException",
        "TransactionInProgressException",
    ],
)
def test_other_codes_that_may_work_later(code):
    assert is_transient(aws_error(code))
    assert not is_throttling(aws_error(code))


@pytest.mark.parametrize("error", [aws_error("ValidationException"), aws_error("KmsDisabled"), NoCredentialsError()])
def test_what_can_not_work_later_is_neither_transient_nor_doubtful(error):
    assert not is_transient(error)
    assert not is_throttling(error)
    assert not is_doubtful(error)


@pytest.mark.parametrize("error", NEVER_SENT, ids=error_code)
def test_where_no_connection_came_about_nothing_was_done(error):
    assert not is_doubtful(error)


@pytest.mark.parametrize("error", CUT_OFF, ids=error_code)
def test_where_the_answer_is_missing_the_work_may_be_done(error):
    assert is_doubtful(error)


def test_an_error_is_named_by_its_code_or_by_its_class():
    assert error_code(aws_error("Throttling")) == "Throttling"
    assert error_code(ReadTimeoutError(endpoint_url=URL)) == "ReadTimeoutError"
    assert error_code(ClientError({}, "PutRecords")) == "Unknown"
    assert not is_transient(ClientError({}, "PutRecords"))
    assert not is_doubtful(ClientError({}, "PutRecords"))


def test_a_required_member_is_returned_and_its_absence_is_a_cut_answer():
    assert required({"Records": []}, "Records") == []
    for answer in ({}, {"Records": None}):
        with pytest.raises(CutAnswer, match="the answer was cut: it has no Records"):
            required(answer, "Records")
