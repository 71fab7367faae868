"""Putting records on the stream, while any part of a call fails."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from producers.aggregation import StreamRecord
from producers.stream import MAX_CALL_BYTES, MAX_CALL_RECORDS, StreamWriter
from tests.aws_errors import aws_error
from tests.clock import FakeClock, RecordingClock
from tests.producers.scripted_kinesis import INTERNAL, STEPS, THROTTLED, ScriptedKinesis


def a_record(data: bytes, key: str | None = None) -> StreamRecord:
    return StreamRecord(key or f"key-{data[:9]!r}", data, (0,))


def put(kinesis, records, seconds=10.0, **options):
    clock = FakeClock()
    writer = StreamWriter(kinesis, "events", clock, jitter=lambda: 0.5)
    return writer.put(records, clock.monotonic() + seconds, **options)


def datas(records) -> list[bytes]:
    return [record.data for record in records]


TIMED_OUT = ReadTimeoutError(endpoint_url="https://kinesis")
REFUSED = aws_error("ProvisionedThroughputExceededException")


def test_only_the_failed_records_of_a_call_are_put_again():
    kinesis = ScriptedKinesis([None, THROTTLED, None], [INTERNAL])
    outcome = put(kinesis, [a_record(b"a"), a_record(b"b"), a_record(b"c")])
    assert kinesis.calls == [[b"a", b"b", b"c"], [b"b"], [b"b"]]
    assert sorted(kinesis.stream) == [b"a", b"b", b"c"]
    assert (len(outcome.written), outcome.unwritten, outcome.retries) == (3, [], 2)


def test_what_still_fails_when_time_is_up_is_unwritten_with_its_reason():
    kinesis = ScriptedKinesis(*[[None, THROTTLED]] * 1, *[[THROTTLED]] * 50)
    outcome = put(kinesis, [a_record(b"a"), a_record(b"b")], seconds=5)
    assert [record.data for record in outcome.written] == [b"a"]
    assert [record.data for record in outcome.unwritten] == [b"b"]
    assert outcome.error == "ProvisionedThroughputExceededException: Rate exceeded"
    assert 3 < len(kinesis.calls) < 20


@pytest.mark.parametrize(
    "error",
    [
        aws_error("ProvisionedThroughputExceededException"),
        aws_error("LimitExceededException"),
        aws_error("KMSThrottlingException"),
        aws_error("InternalFailure", 500),
        aws_error("ServiceUnavailable", 503),
        ReadTimeoutError(endpoint_url="https://kinesis"),
        EndpointConnectionError(endpoint_url="https://kinesis"),
    ],
    ids=lambda error: type(error).__name__ if not isinstance(error, ClientError) else error.response["Error"]["Code"],
)
def test_a_call_that_may_work_later_is_made_again(error):
    kinesis = ScriptedKinesis(error)
    outcome = put(kinesis, [a_record(b"a")])
    assert kinesis.stream == [b"a"]
    assert outcome.unwritten == []


@pytest.mark.parametrize(
    "code",
    [
        "ResourceNotFoundException",
        "AccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSAccessDeniedException",
        "KMSNotFoundException",
        "KMSOptInRequired",
        "InvalidArgumentException",
    ],
)
def test_a_call_that_can_not_work_is_not_made_again(code):
    kinesis = ScriptedKinesis(aws_error(code))
    outcome = put(kinesis, [a_record(b"a")])
    assert len(kinesis.calls) == 1
    assert [record.data for record in outcome.unwritten] == [b"a"]
    assert outcome.error.startswith(code)


def test_a_later_record_of_a_key_waits_for_the_one_before_it():
    kinesis = ScriptedKinesis([THROTTLED])
    put(kinesis, [a_record(b"1", "k"), a_record(b"x", "other"), a_record(b"2", "k"), a_record(b"3", "k")])
    assert [data for data in kinesis.stream if data != b"x"] == [b"1", b"2", b"3"]


def test_a_call_keeps_to_the_limits_of_put_records():
    kinesis = ScriptedKinesis()
    large = [a_record(b"%02d" % n + bytes(1_000_000)) for n in range(25)]
    put(kinesis, large + [a_record(b"s%d" % n) for n in range(1200)])
    for call in kinesis.calls:
        assert len(call) <= MAX_CALL_RECORDS
        assert sum(len(data) for data in call) <= MAX_CALL_BYTES
    assert len(kinesis.stream) == 1225
    assert len(kinesis.calls) == 3 + 2


@pytest.mark.parametrize(
    ("error", "in_doubt"),
    [
        (aws_error("ProvisionedThroughputExceededException"), False),
        (aws_error("AccessDeniedException"), False),
        (aws_error("InternalFailure", 500), True),
        (aws_error("ServiceUnavailable", 503), True),
        (ReadTimeoutError(endpoint_url="https://kinesis"), True),
        (ConnectionClosedError(endpoint_url="https://kinesis"), True),
        (ConnectTimeoutError(endpoint_url="https://kinesis"), False),
        (EndpointConnectionError(endpoint_url="https://kinesis"), False),
        (NoCredentialsError(), False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_record_is_in_doubt_where_a_failed_call_may_have_put_it(error, in_doubt):
    outcome = put(ScriptedKinesis(*[error] * 100), [a_record(b"a")], seconds=1)
    assert (datas(outcome.unwritten), datas(outcome.doubtful)) == (([], [b"a"]) if in_doubt else ([b"a"], []))


@given(st.lists(st.sampled_from("abc"), max_size=20), st.lists(STEPS, max_size=12), st.floats(0, 3))
def test_written_and_unwritten_are_what_went_in_and_order_per_key_holds(keys, script, seconds):
    records = [a_record(b"%d" % n, key) for n, key in enumerate(keys)]
    kinesis = ScriptedKinesis(*script)
    outcome = put(kinesis, records, seconds)
    assert sorted(r.data for r in outcome.written + outcome.unwritten) == sorted(r.data for r in records)
    assert sorted(r.data for r in outcome.written) == sorted(kinesis.stream)
    for key in set(keys):
        numbers = [int(data) for data in kinesis.stream if keys[int(data)] == key]
        assert numbers == sorted(numbers)
    assert bool(outcome.error) == bool(outcome.unwritten)
    assert outcome.doubtful == []


def test_a_record_stays_in_doubt_though_a_later_try_is_refused():
    outcome = put(ScriptedKinesis(TIMED_OUT, *[REFUSED] * 100), [a_record(b"a")])
    assert (outcome.unwritten, datas(outcome.doubtful)) == ([], [b"a"])
    assert outcome.throttled


def test_a_record_that_a_later_try_acknowledges_is_written():
    outcome = put(ScriptedKinesis(TIMED_OUT, REFUSED), [a_record(b"a")])
    assert (datas(outcome.written), outcome.unwritten, outcome.doubtful, outcome.error) == ([b"a"], [], [], "")


def test_what_is_in_doubt_is_not_sent_again_where_the_caller_says_so():
    kinesis = ScriptedKinesis([None, THROTTLED], TIMED_OUT)
    outcome = put(kinesis, [a_record(b"a"), a_record(b"b")], resend_doubtful=False)
    assert kinesis.calls == [[b"a", b"b"], [b"b"]]
    assert (datas(outcome.written), outcome.unwritten, datas(outcome.doubtful)) == ([b"a"], [], [b"b"])


def test_records_of_a_key_stay_behind_one_in_doubt():
    kinesis = ScriptedKinesis(TIMED_OUT)
    outcome = put(kinesis, [a_record(b"1", "k"), a_record(b"2", "k")])
    assert kinesis.calls == [[b"1"], [b"1"], [b"2"]]
    assert datas(outcome.written) == [b"1", b"2"]


def test_after_a_refusal_that_will_not_pass_no_further_call_is_made():
    kinesis = ScriptedKinesis(aws_error("AccessDeniedException"))
    outcome = put(kinesis, [a_record(b"1", "k"), a_record(b"2", "k"), a_record(b"3", "k")])
    assert kinesis.calls == [[b"1"]]
    assert datas(outcome.unwritten) == [b"1", b"2", b"3"]


def without(member):
    return lambda answer: {name: value for name, value in answer.items() if name != member}


CUT_ANSWERS = {
    "nothing": lambda _: {},
    "no results": without("Records"),
    "no count": without("FailedRecordCount"),
    "a wrong count": lambda answer: {**answer, "FailedRecordCount": 1},
    "too few results": lambda answer: {**answer, "Records": answer["Records"][:-1]},
    "too many results": lambda answer: {**answer, "Records": answer["Records"] * 2},
    "a result of nothing": lambda answer: {**answer, "Records": [*answer["Records"][:-1], {}]},
    "null for results": lambda answer: {**answer, "Records": None},
}


@pytest.mark.parametrize("cut", CUT_ANSWERS.values(), ids=CUT_ANSWERS)
def test_after_an_answer_that_was_cut_the_records_are_in_doubt_and_sent_again(cut):
    kinesis = ScriptedKinesis(cut)
    outcome = put(kinesis, [a_record(b"a"), a_record(b"b")])
    assert kinesis.calls == [[b"a", b"b"]] * 2
    assert len(outcome.written) == 2
    outcome = put(ScriptedKinesis(*[cut] * 100), [a_record(b"a"), a_record(b"b")])
    assert datas(outcome.doubtful) == [b"a", b"b"]
    assert "the answer was cut" in outcome.error


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ("too few results", "it has 1 results, 0 of them failures, for 2 records"),
        ("a result of nothing", "a result has neither a sequence number nor an error"),
    ],
)
def test_the_error_says_how_an_answer_was_cut(cut, words):
    outcome = put(ScriptedKinesis(*[CUT_ANSWERS[cut]] * 100), [a_record(b"a"), a_record(b"b")])
    assert outcome.error == f"CutAnswer: the answer was cut: {words}"


def test_the_waits_between_tries_have_the_jitter_of_the_caller():
    clock = RecordingClock()
    kinesis: Any = ScriptedKinesis([THROTTLED], [THROTTLED])
    writer = StreamWriter(kinesis, "events", clock, jitter=lambda: 0.25)
    writer.put([a_record(b"a")], clock.monotonic() + 10)
    assert clock.sleeps == [0.0125, 0.025]


def test_a_put_that_is_done_does_not_wait():
    clock = RecordingClock()
    kinesis: Any = ScriptedKinesis()
    StreamWriter(kinesis, "events", clock).put([a_record(b"a", "the key")], clock.monotonic() + 10)
    assert clock.sleeps == []
    assert kinesis.keys == ["the key"]


@pytest.mark.parametrize(
    ("script", "throttled"),
    [
        ((), False),
        (([INTERNAL],), False),
        (([THROTTLED],), True),
        (([THROTTLED], [INTERNAL]), True),
        (([INTERNAL], [THROTTLED]), True),
        (([THROTTLED], [THROTTLED]), True),
        ((REFUSED, [INTERNAL]), True),
        (([THROTTLED], aws_error("InternalFailure", 500)), True),
        ((aws_error("InternalFailure", 500),), False),
    ],
)
def test_a_put_is_throttled_where_the_stream_refused_any_of_it_for_its_rate(script, throttled):
    outcome = put(ScriptedKinesis(*script), [a_record(b"a")])
    assert len(outcome.written) == 1
    assert outcome.throttled is throttled


def test_an_error_without_a_message_is_named_by_its_code():
    outcome = put(ScriptedKinesis(*[[{"ErrorCode": "InternalFailure"}]] * 100), [a_record(b"a")])
    assert outcome.error == "InternalFailure: "


def test_every_call_has_the_whole_limit_for_itself():
    half = 5 * 1024 * 1024 - 1
    kinesis = ScriptedKinesis()
    put(kinesis, [a_record(bytes(half), str(n)) for n in range(4)])
    assert [len(call) for call in kinesis.calls] == [2, 2]


def test_the_caller_is_asked_before_each_call_and_may_end_the_put():
    kinesis, asked = ScriptedKinesis([THROTTLED]), []

    def before_call():
        asked.append(len(kinesis.calls))
        if len(asked) == 3:
            raise PermissionError

    with pytest.raises(PermissionError):
        put(kinesis, [a_record(b"1", "k"), a_record(b"2", "k")], before_call=before_call)
    assert asked == [0, 1, 2]
    assert kinesis.stream == [b"1"]


@pytest.mark.parametrize(("count", "calls"), [(499, 1), (500, 1), (501, 2)])
def test_a_call_takes_500_records(count, calls):
    kinesis = ScriptedKinesis()
    put(kinesis, [a_record(b"%d" % n) for n in range(count)])
    assert len(kinesis.calls) == calls


@pytest.mark.parametrize(("spare", "calls"), [(1, 1), (0, 1), (-1, 2)])
def test_a_call_takes_ten_mebibytes_with_its_partition_keys(spare, calls):
    kinesis = ScriptedKinesis()
    rest = MAX_CALL_BYTES - 10 * 1024 * 1024 // 2 - 2 - spare
    put(kinesis, [a_record(bytes(10 * 1024 * 1024 // 2), "é"), StreamRecord("k", bytes(rest - 1), (1,))])
    assert MAX_CALL_BYTES == 10_485_760
    assert len(kinesis.calls) == calls
