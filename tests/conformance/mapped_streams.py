"""A stream with a function mapped to it, and what the function saw."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from tests.conformance.account import Account

CRASH = "def answer(event):\n    raise ValueError('as the test says')\n"
REPORTS: dict[str, Any] = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
# Names as failed the records whose data begins with "bad".
NAMES_BAD = """
def answer(event):
    bad = [r["kinesis"] for r in event["Records"] if base64.b64decode(r["kinesis"]["data"]).startswith(b"bad")]
    return {"batchItemFailures": [{"itemIdentifier": each["sequenceNumber"]} for each in bad]}
"""
CRASHES_ON_BAD = """
def answer(event):
    for record in event["Records"]:
        if base64.b64decode(record["kinesis"]["data"]).startswith(b"bad"):
            raise ValueError("a bad record")
"""


def returning(answer: Any) -> str:
    return f"def answer(event):\n    return json.loads({json.dumps(answer)!r})\n"


@dataclass(frozen=True)
class MappedStream:
    """A stream of one shard with a function mapped to it, and the queue for what is given up."""

    account: Account
    stream: str
    function: str
    queue: str

    def batches(self) -> list[list[str]]:
        """The data of the records of each invocation so far, in order."""
        return [
            [base64.b64decode(each["kinesis"]["data"]).decode() for each in seen["event"]["Records"]]
            for seen in self.account.seen_by(self.function)
        ]

    def until_seen(self, count: int) -> list[list[str]]:
        """The same once there were so many invocations."""
        self.account.wait_for(lambda: len(self.account.seen_by(self.function)) >= count)
        return self.batches()

    def until_delivered(self, data: str) -> list[list[str]]:
        """The same once a record was part of an invocation."""
        self.account.wait_for(lambda: any(data in batch for batch in self.batches()))
        return self.batches()

    def given_up(self) -> dict[str, Any]:
        """The message that the on-failure destination got."""
        (message, *_) = self.account.wait_for(
            lambda: self.account.sqs.receive_message(QueueUrl=self.queue).get("Messages")
        )
        body: dict[str, Any] = json.loads(message["Body"])
        return body


def put(account: Account, stream: str, *data: str) -> list[dict[str, Any]]:
    """Put records of one key, in order, before anything reads; AWS's answers."""
    entries = [{"Data": each.encode(), "PartitionKey": "key"} for each in data]
    answers: list[dict[str, Any]] = account.kinesis.put_records(StreamName=stream, Records=entries)["Records"]
    return answers


def mapped(account: Account, answer: str, *data: str, stream: str = "", **settings: Any) -> MappedStream:
    """Map a function to a stream that holds these records."""
    stream = stream or account.stream()
    if data:
        put(account, stream, *data)
    function, queue = account.function(answer), account.queue()
    destination = {"OnFailure": {"Destination": account.queue_arn(queue)}}
    account.stream_mapping(stream, function, DestinationConfig=destination, **settings)
    return MappedStream(account, stream, function, queue)
