"""Putting records on the stream, whatever part of a call fails."""

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
from tests.clock import FakeClock

THROTTLED = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
INTERNAL = {"ErrorCode": "InternalFailure", "ErrorMessage": "Internal service failure"}


class ScriptedKinesis:
    """Answers PutRecords calls by a script; past its end every record is taken.

    An entry is an exception, or for each record of the call whether it fails (the last one repeats).
    """

    def __init__(self, *script):
        self.script = list(script)
        self.calls: list[list[bytes]] = []
        self.stream: list[bytes] = []

    def put_records(self, StreamName, Records):
        assert StreamName == "events"
        self.calls.append([record["Data"] for record in Records])
        step = self.script.pop(0) if self.script else []
        if isinstance(step, Exception):
            raise step
        answers = []
        for n, record in enumerate(Records):
            failure = step[min(n, len(step) - 1)] if step else None
            answers.append(failure or {"SequenceNumber": str(len(self.stream)), "ShardId": "shardId-000000000000"})
            if not failure:
                self.stream.append(record["Data"])
        return {"Records": answers, "FailedRecordCount": sum("ErrorCode" in answer for answer in answers)}


def a_record(data: bytes, key: str | None = None) -> StreamRecord:
    return StreamRecord(key or f"key-{data[:9]!r}", data, (0,))


def put(kinesis, records, seconds=10.0):
    clock = FakeClock()
    writer = StreamWriter(kinesis, "events", clock, jitter=lambda: 0.5)
    return writer.put(records, clock.monotonic() + seconds)


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
def test_an_unwritten_record_is_doubtful_where_a_failed_call_may_have_put_it(error, in_doubt):
    outcome = put(ScriptedKinesis(*[error] * 100), [a_record(b"a")], seconds=1)
    assert [record.data for record in outcome.unwritten] == [b"a"]
    assert [record.data for record in outcome.doubtful] == ([b"a"] if in_doubt else [])


def test_a_record_stays_doubtful_when_the_stream_refuses_it_afterwards():
    script = [ReadTimeoutError(endpoint_url="https://kinesis"), *[[None, THROTTLED]] * 1, *[[THROTTLED]] * 100]
    outcome = put(ScriptedKinesis(*script), [a_record(b"a"), a_record(b"b")], seconds=2)
    assert [record.data for record in outcome.written] == [b"a"]
    assert [record.data for record in outcome.doubtful] == [b"b"]


def test_a_record_that_the_stream_refuses_by_name_is_not_doubtful():
    outcome = put(ScriptedKinesis(*[[THROTTLED]] * 100), [a_record(b"a")], seconds=1)
    assert (len(outcome.unwritten), outcome.doubtful) == (1, [])


CUT_ANSWERS = [
    {},
    {"Records": None},
    {"Records": []},
    {"FailedRecordCount": 0},
    {"Records": [{}, {}]},
    {"Records": [{"ShardId": "s"}]},
]


@pytest.mark.parametrize("cut", CUT_ANSWERS, ids=str)
def test_an_answer_whose_body_was_cut_never_counts_as_written(cut):
    class Cutting(ScriptedKinesis):
        def put_records(self, StreamName, Records):
            answer = super().put_records(StreamName, Records)
            return cut if len(self.calls) == 1 else answer

    kinesis = Cutting()
    outcome = put(kinesis, [a_record(b"a"), a_record(b"b")])
    assert len(kinesis.calls) == 2
    assert (len(outcome.written), outcome.unwritten) == (2, [])

    class AlwaysCutting(ScriptedKinesis):
        def put_records(self, StreamName, Records):
            return cut

    outcome = put(AlwaysCutting(), [a_record(b"a"), a_record(b"b")], seconds=1)
    assert (outcome.written, len(outcome.unwritten), len(outcome.doubtful)) == ([], 2, 2)
    assert outcome.error.startswith("IncompleteAnswer")


FAILURES = st.sampled_from([None, None, THROTTLED, INTERNAL])
STEPS = st.one_of(
    st.lists(FAILURES, min_size=1, max_size=8),
    st.sampled_from([aws_error("LimitExceededException"), aws_error("AccessDeniedException")]),
)


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
