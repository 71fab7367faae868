"""The on-failure destination of a stream's event source mapping: a pointer to the records, without their data."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from infra.local.event_sources.stream_steps import Condition, GiveUp
from producers.clock import SYSTEM_CLOCK, Clock


class OnFailureQueue:
    """Sends pointers to an SQS queue.

    Args:
        sqs: a boto3 client.
        queue_arn: the destination.
        function_arn: the function that failed.
        stream_arn: the stream the pointers point into.
        clock: for the message's time.
    """

    def __init__(
        self, sqs: Any, queue_arn: str, *, function_arn: str, stream_arn: str, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._sqs = sqs
        self._queue_arn = queue_arn
        self._function_arn = function_arn
        self._stream_arn = stream_arn
        self._clock = clock
        self._queue_url: str | None = None

    def send(self, given_up: GiveUp, shard_id: str) -> None:
        """Send one pointer. An error of the client is raised, and the pointer is then not sent."""
        message = pointer(given_up, shard_id, self._function_arn, self._stream_arn, self._clock.time())
        if self._queue_url is None:
            account, name = self._queue_arn.split(":")[4:6]
            self._queue_url = self._sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message))


def pointer(given_up: GiveUp, shard_id: str, function_arn: str, stream_arn: str, now: float) -> dict[str, Any]:
    """The message Lambda sends, key for key (Lambda developer guide, kinesis-on-failure-destination).

    Records given up for their age have no `responseContext`; where the last answer named failed items, rather than
    being an exception or a time-out, its `functionError` is null.

    Args:
        given_up: the records and the reason.
        shard_id: where the records lie.
        function_arn: the function that failed.
        stream_arn: the stream.
        now: the message's time, seconds since the epoch.
    """
    first, last = given_up.records[0], given_up.records[-1]
    message: dict[str, Any] = {
        "requestContext": {
            "requestId": given_up.request_id or str(uuid.uuid4()),
            "functionArn": function_arn,
            "condition": given_up.condition.value,
            "approximateInvokeCount": given_up.invocations,
        }
    }
    if given_up.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED:
        message["responseContext"] = {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": given_up.function_error,
        }
    message |= {
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": _iso(first.arrived_at),
            "approximateArrivalOfLastRecord": _iso(last.arrived_at),
            "batchSize": len(given_up.records),
            "streamArn": stream_arn,
        },
    }
    return message


def _iso(seconds: float) -> str:
    """Such as `2019-11-14T00:38:06.021Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
