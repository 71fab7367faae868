"""The calls that carry events, for clients of this process: see `infra.local.aws.shortcut`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, cast

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.kinesis.models import kinesis_backends

from infra.local.aws.kinesis import calls
from infra.local.aws.kinesis.backend import LocalKinesisBackend
from infra.local.aws.shortcut import Answer, Call


def _called(call: Callable[[LocalKinesisBackend, dict[str, Any]], Answer]) -> Call:
    def answer(region: str, body: bytes) -> Answer:
        return call(cast("LocalKinesisBackend", kinesis_backends[DEFAULT_ACCOUNT_ID][region]), json.loads(body))

    return answer


def _get_records(backend: LocalKinesisBackend, request: dict[str, Any]) -> Answer:
    reading = calls.get_records(backend, request)
    answer: Answer = {
        "Records": [
            {
                "Data": record.data,
                "PartitionKey": record.partition_key,
                "SequenceNumber": str(record.sequence_number),
                "ApproximateArrivalTimestamp": datetime.fromtimestamp(record.arrived_ms / 1000, UTC),
            }
            for record in reading.records
        ],
        "MillisBehindLatest": reading.millis_behind_latest,
    }
    if reading.next_iterator is not None:
        answer["NextShardIterator"] = reading.next_iterator
    if reading.children is not None:
        answer["ChildShards"] = reading.children
    return answer


CALLS: Final[dict[str, Call]] = {
    "PutRecord": _called(calls.put_record),
    "PutRecords": _called(calls.put_records),
    "GetRecords": _called(_get_records),
}
