"""What is wrong with moto's SQS, and fixed by `infra.local.aws.sqs`."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.local.aws import sqs as local_sqs
from infra.local.aws.sqs import LocalSqsBackend

REGION = "eu-west-2"


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(config={"lambda": {"use_docker": False}}), local_sqs.installed():
        yield boto3.client("sqs", REGION)


def received(sqs: Any, url: str, **options: Any) -> list[str]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options)
    return [message["Body"] for message in answer.get("Messages", [])]


def in_store(sql: str) -> list[Any]:
    assert LocalSqsBackend.store is not None
    return LocalSqsBackend.store.database.write(lambda connection: connection.execute(sql).fetchall())


def test_a_message_sent_to_a_queue_with_a_mapping_stays_there_until_received(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="mapped")["QueueUrl"]
    role = boto3.client("iam", REGION).create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    lambda_ = boto3.client("lambda", REGION)
    lambda_.create_function(
        FunctionName="f", Role=role, Runtime="python3.11", Handler="a.b", Code={"ZipFile": b""}, PackageType="Zip"
    )
    arn = "arn:aws:sqs:eu-west-2:123456789012:mapped"
    mapping = lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    assert received(sqs, url) == ["kept"]
    assert lambda_.get_event_source_mapping(UUID=mapping["UUID"])["EventSourceArn"] == arn


def test_sending_and_deleting_on_many_threads_loses_no_message(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="busy")["QueueUrl"]
    senders_left = threading.Semaphore(0)
    got: list[str] = []

    def send(sender: int) -> None:
        for n in range(60):
            sqs.send_message(QueueUrl=url, MessageBody=f"{sender}-{n}")
        senders_left.release()

    def take() -> None:
        deadline = time.monotonic() + 20
        while len(got) < 240 and time.monotonic() < deadline:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                got.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    threads += [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(f"{sender}-{n}" for sender in range(4) for n in range(60))


def test_a_waiting_receive_does_not_keep_others_from_sending(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="quiet")["QueueUrl"]
    got: list[str] = []
    waiting = threading.Thread(target=lambda: got.extend(received(sqs, url, WaitTimeSeconds=20)))
    waiting.start()
    sqs.send_message(QueueUrl=url, MessageBody="at last")
    waiting.join(10)
    assert got == ["at last"]


def test_a_message_past_its_retention_is_gone_and_holds_up_no_other(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="old", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    for body in ("expired", "fresh"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    in_store("UPDATE messages SET sent_ms = sent_ms - 61000 WHERE body = 'expired'")
    assert received(sqs, url) == ["fresh"]
    assert in_store("SELECT body FROM messages") == [("fresh",)]


def test_a_deep_queue_is_received_from_in_reasonable_time(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="deep")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="first")
    in_store(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "INSERT INTO messages (queue, message_id, body, attributes, sent_ms, visible_ms, delayed, receive_count) "
        "SELECT queue, 'id' || i, body, attributes, sent_ms, visible_ms, 0, 0 FROM messages, n"
    )
    began = time.process_time()
    assert len(received(sqs, url)) == 10
    assert time.process_time() - began < 0.5, "moto alone takes 1.6 s"
