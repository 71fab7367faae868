"""Reads everything that lies in the pipeline's stores at the end of a simulation."""

import time
from collections.abc import Iterator
from typing import Any

from archive.dead_letters.documents import Documents
from archive.dead_letters.settled_lines import PUT_BACK, read_settled_lines
from consumers.stream_batch import Source, user_records
from producers.aggregation import MalformedAggregate
from producers.event import PoisonEvent, decode
from tests.simulation.failures import Failures
from tests.simulation.lake import compacted, errors_in, event_key, keys_in, objects
from tests.simulation.model import Found, Key, Settled
from tests.simulation.scheduler import START
from tests.simulation.world import World


def found(world: World) -> Found:
    """What lies where."""
    result = Found()
    clients, names = world.clients, world.names
    for item in rows(clients["dynamodb"], names.table):
        result.rows[row_key(item)] = number_of(item)
    s3 = clients["s3"]
    documents = Documents(s3, names.dead_letter_bucket)
    for record in Failures(world).archived():
        if record.is_lost:
            result.lost += 1
            continue
        data = record.data or b""
        if record.source is not None:
            result.dead_sources.setdefault(data, set()).add(
                (record.source.sequence_number, record.source.subsequence_number)
            )
        key = event_key(data)
        if key is not None:
            result.dead.add(key)
        outcomes = read_settled_lines(documents, record.key).of_line(record.line)
        if key is not None and any(each.outcome == PUT_BACK for each in outcomes):
            result.settled.append(Settled(record.name, key))
    for name, body in objects(s3, names.lake_bucket, "firehose-errors/"):
        result.errors.update(event for data in errors_in(name, body) if (event := event_key(data)))
    landing = {key: keys_in(body) for key, body in objects(s3, names.lake_bucket, "events/")}
    for keys in landing.values():
        result.lake.update(keys)
    result.compacted, result.merged = compacted(s3, names.lake_bucket, landing)
    result.ranges = open_ranges(clients["kinesis"], names.stream)
    for source, data in on_stream(clients["kinesis"], names.stream):
        _add_streamed(result, source, data)
    retention_seconds = world.settings.stream.retention_hours * 3600
    result.stream_is_whole = time.time() < START + retention_seconds  # at the end: reading takes its time as well
    return result


def _add_streamed(result: Found, source: Source, data: bytes) -> None:
    try:
        event = decode(data)
    except PoisonEvent:
        result.poison.setdefault(data, set()).add((source.sequence_number, source.subsequence_number))
        return
    result.stream.add((event.timestamp, event.request_id))
    if event.replay is not None:
        result.tokens[event.replay.token] += 1


def open_ranges(kinesis: Any, stream: str) -> list[tuple[int, int]]:
    """The hash ranges of the open shards, in order."""
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    ranges = [each["HashKeyRange"] for each in shards if "EndingSequenceNumber" not in each["SequenceNumberRange"]]
    return sorted((int(each["StartingHashKey"]), int(each["EndingHashKey"])) for each in ranges)


def on_stream(kinesis: Any, stream: str) -> Iterator[tuple[Source, bytes]]:
    """Every user record that the stream still has, with its place."""
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        shard_id = shard["ShardId"]
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")
        answer = kinesis.get_records(ShardIterator=iterator["ShardIterator"])
        for record in answer["Records"]:
            source = Source(stream, shard_id, record["SequenceNumber"], 0, record["PartitionKey"], "")
            try:
                yield from user_records(source, record["Data"])
            except MalformedAggregate:
                yield source, record["Data"]


def rows(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    """Every row of the table, as DynamoDB returns it."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


def row_key(item: dict[str, Any]) -> Key:
    """The key of a row in DynamoDB's JSON."""
    return item["timestamp"]["S"], item["request_id"]["S"]


def number_of(item: dict[str, Any]) -> int:
    """Which of the simulation's events a row holds."""
    return int(item["payload"]["M"]["n"]["N"])
