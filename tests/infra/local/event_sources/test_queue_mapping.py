"""The event source mapping of an SQS queue, against moto's SQS as fixed by `infra.local.aws.sqs`."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from infra.local.aws import sqs as local_sqs
from infra.local.aws.sqs import LocalSqsBackend
from infra.local.event_sources.mapping_settings import MappingError, QueueMappingSettings
from infra.local.event_sources.queue_events import within_payload
from infra.local.event_sources.queue_mapping import QueueMapping
from infra.local.functions import FunctionError, FunctionThrottled, InvocationResult
from tests.waiting import wait_until

REGION = "eu-west-2"
FUNCTION_ARN = "arn:aws:lambda:eu-west-2:123456789012:function:archiver"
QUEUE_ARN = "arn:aws:sqs:eu-west-2:123456789012:dead-letters"
OK = InvocationResult(None, None)


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(), local_sqs.installed():
        yield boto3.client("sqs", REGION)


@pytest.fixture
def queue_url(sqs: Any) -> str:
    parked = sqs.create_queue(QueueName="parked")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=parked, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": "30"}
    return str(sqs.create_queue(QueueName="dead-letters", Attributes=attributes)["QueueUrl"])


class Recorder:
    """A function that keeps the bodies it was given, and answers as the test says."""

    def __init__(self, answer: Callable[[list[str], list[str]], InvocationResult] = lambda _bodies, _ids: OK) -> None:
        self.batches: list[list[str]] = []
        self.events: list[Any] = []
        self._answer = answer

    def __call__(self, event: Any) -> InvocationResult:
        records = json.loads(json.dumps(event))["Records"]
        self.events.append(event)
        self.batches.append([each["body"] for each in records])
        return self._answer(self.batches[-1], [each["messageId"] for each in records])


def mapping_of(**changes: Any) -> dict[str, Any]:
    return {"UUID": "uuid", "FunctionArn": FUNCTION_ARN, "EventSourceArn": QUEUE_ARN, **changes}


def reporting(**changes: Any) -> dict[str, Any]:
    return mapping_of(FunctionResponseTypes=["ReportBatchItemFailures"], **changes)


def one_round(sqs: Any, function: Recorder, mapping: dict[str, Any] | None = None) -> QueueMapping:
    """Let a mapping drain what is visible now, without threads of its own."""
    queue_mapping = QueueMapping(mapping or mapping_of(), function, sqs)
    queue_mapping.drain()
    while sqs.get_queue_attributes(QueueUrl=queue_mapping._url, AttributeNames=["All"])["Attributes"][
        "ApproximateNumberOfMessages"
    ] not in {"0", 0}:
        for batch in within_payload(queue_mapping._gather(), QUEUE_ARN):
            queue_mapping._deliver(batch)
            queue_mapping._count(in_flight=-len(batch))
    return queue_mapping


def send(sqs: Any, url: str, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)


def make_visible() -> None:
    """Let the visibility time-out of every message be over."""
    assert LocalSqsBackend.store is not None
    LocalSqsBackend.store.database.write(lambda connection: connection.execute("UPDATE messages SET visible_ms = 0"))


def depth(sqs: Any, url: str) -> int:
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(counts[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


def test_messages_the_function_took_are_deleted(sqs: Any, queue_url: str) -> None:
    send(sqs, queue_url, "a", "b", "c")
    function = Recorder()
    mapping = one_round(sqs, function)
    assert function.batches == [["a", "b", "c"]]
    assert depth(sqs, queue_url) == 0
    status = mapping.status()
    assert (status.received, status.delivered, status.waiting, status.failed) == (3, 3, 0, 0)
    assert mapping.is_drained()


def test_a_batch_has_at_most_batch_size_messages(sqs: Any, queue_url: str) -> None:
    send(sqs, queue_url, *"abcdefg")
    function = Recorder()
    one_round(sqs, function, mapping_of(BatchSize=3))
    assert [len(batch) for batch in function.batches] == [3, 3, 1]


def test_a_batch_over_ten_is_gathered_from_several_receives(sqs: Any, queue_url: str) -> None:
    send(sqs, queue_url, *(str(n) for n in range(25)))
    function = Recorder()
    mapping = QueueMapping(mapping_of(BatchSize=25, MaximumBatchingWindowInSeconds=300), function, sqs)
    assert len(mapping._gather()) == 25


def test_a_batch_over_ten_needs_a_window() -> None:
    with pytest.raises(MappingError, match="MaximumBatchingWindowInSeconds"):
        QueueMappingSettings.from_api(mapping_of(BatchSize=11))


def test_an_event_is_what_lambda_sends(sqs: Any, queue_url: str) -> None:
    attributes = {
        "text": {"DataType": "String", "StringValue": "x"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = sqs.send_message(QueueUrl=queue_url, MessageBody="body", MessageAttributes=attributes)
    function = Recorder()
    one_round(sqs, function)
    [record] = function.events[0]["Records"]
    assert record.pop("receiptHandle")
    system = record.pop("attributes")
    assert set(system) == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    assert all(isinstance(value, str) for value in system.values())
    assert system["ApproximateReceiveCount"] == "1"
    assert record == {
        "messageId": sent["MessageId"],
        "body": "body",
        "messageAttributes": {
            "text": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "bytes": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": record["md5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": REGION,
    }


def test_an_exception_leaves_the_whole_batch_in_the_queue(sqs: Any, queue_url: str) -> None:
    send(sqs, queue_url, "a", "b")
    mapping = one_round(sqs, Recorder(lambda *_: InvocationResult(None, FunctionError("KeyError", "'x'"))))
    assert depth(sqs, queue_url) == 2
    assert not mapping.is_drained(), "what is invisible will come again"


def test_only_the_messages_named_stay(sqs: Any, queue_url: str) -> None:
    send(sqs, queue_url, "a", "poison", "c")

    def answer(bodies: list[str], ids: list[str]) -> InvocationResult:
        failed = [{"itemIdentifier": one} for one, body in zip(ids, bodies, strict=True) if body == "poison"]
        return InvocationResult({"batchItemFailures": failed}, None)

    function = Recorder(answer)
    one_round(sqs, function, reporting())
    assert depth(sqs, queue_url) == 1
    make_visible()
    one_round(sqs, function, reporting())
    assert function.batches == [["a", "poison", "c"], ["poison"]]


@pytest.mark.parametrize("answer", [[], None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_every_form_of_success_deletes_the_batch(sqs: Any, queue_url: str, answer: Any) -> None:
    send(sqs, queue_url, "a", "b")
    one_round(sqs, Recorder(lambda *_: InvocationResult(answer, None)), reporting())
    assert depth(sqs, queue_url) == 0


@pytest.mark.parametrize("identifier", [{"itemIdentifier": "no such message"}, {"itemIdentifier": ""}, {"id": "x"}, {}])
def test_an_answer_that_names_no_message_fails_the_whole_batch(sqs: Any, queue_url: str, identifier: Any) -> None:
    send(sqs, queue_url, "a", "b")
    answer = InvocationResult({"batchItemFailures": [identifier]}, None)
    one_round(sqs, Recorder(lambda *_: answer), reporting())
    assert depth(sqs, queue_url) == 2


def test_without_the_response_type_the_answer_is_ignored(sqs: Any, queue_url: str) -> None:
    send(sqs, queue_url, "a")
    answer = InvocationResult({"batchItemFailures": [{"itemIdentifier": ""}]}, None)
    one_round(sqs, Recorder(lambda *_: answer))
    assert depth(sqs, queue_url) == 0


def test_what_fails_at_its_last_receive_is_moved_to_the_queues_own_dead_letter_queue(sqs: Any, queue_url: str) -> None:
    send(sqs, queue_url, "poison")
    function = Recorder(lambda *_: InvocationResult(None, FunctionError("KeyError", "'x'")))
    for failed in (0, 1):
        mapping = one_round(sqs, function)
        assert mapping.status().failed == failed
        make_visible()
    mapping = QueueMapping(mapping_of(), function, sqs)
    assert mapping._receive(10) == []
    assert depth(sqs, queue_url) == 0
    [parked] = sqs.receive_message(QueueUrl=queue_url.replace("dead-letters", "parked"))["Messages"]
    assert parked["Body"] == "poison"
    assert len(function.batches) == 2


def test_a_throttled_function_leaves_the_messages_in_the_queue(sqs: Any, queue_url: str) -> None:
    def refuse(_event: Any) -> InvocationResult:
        raise FunctionThrottled("busy")

    send(sqs, queue_url, "a")
    one_round(sqs, refuse)  # type: ignore[arg-type]  # a function that keeps nothing
    assert depth(sqs, queue_url) == 1


def test_running_on_threads_every_message_is_delivered_and_then_it_is_drained(sqs: Any, queue_url: str) -> None:
    mapping_ = mapping_of(ScalingConfig={"MaximumConcurrency": 3})
    running, most, lock = 0, 0, threading.Lock()

    def function(_event: Any) -> InvocationResult:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)  # so that invocations overlap
        with lock:
            running -= 1
        return OK

    mapping = QueueMapping(mapping_, function, sqs, poll_seconds=0.01)
    mapping.start()
    send(sqs, queue_url, *(str(n) for n in range(60)))
    assert not mapping.is_drained(), "drain was not called"
    mapping.drain()
    wait_until(mapping.is_drained)
    assert running == 0
    assert most <= 3
    mapping.stop()
    mapping.stop()
    assert mapping.status().delivered == 60


def test_while_a_batch_is_in_flight_it_is_never_drained(sqs: Any, queue_url: str) -> None:
    entered, release = threading.Event(), threading.Event()

    def function(_event: Any) -> InvocationResult:
        entered.set()
        release.wait(10)
        return OK

    send(sqs, queue_url, "a")
    mapping = QueueMapping(mapping_of(), function, sqs, poll_seconds=0.01)
    mapping.start()
    mapping.drain()
    assert entered.wait(10)
    sqs.purge_queue(QueueUrl=queue_url)  # so that the queue itself is empty
    assert not mapping.is_drained()
    release.set()
    wait_until(mapping.is_drained)
    mapping.stop()


def test_an_outage_is_waited_for(sqs: Any, queue_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    send(sqs, queue_url, "a")
    outages = iter([True, True])

    def fail(**_: Any) -> None:
        if next(outages, False):
            raise EndpointConnectionError(endpoint_url="https://sqs")

    sqs.meta.events.register("before-call.sqs.ReceiveMessage", fail)
    function = Recorder()
    mapping = QueueMapping(mapping_of(), function, sqs, poll_seconds=0.01)
    monkeypatch.setattr(mapping, "_rest", lambda _seconds: None)
    mapping.drain()
    assert len(mapping._gather()) == 1
