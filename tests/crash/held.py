"""What a data folder holds, read from its files alone while no process runs on it."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from infra.local.aws.kinesis.shard_records import ORDINAL_BITS, ordinal_of
from producers.aggregation import deaggregate
from producers.event import PoisonEvent, decode

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """The events of a data folder by the place that they are in.

    Args:
        problems: what SQLite's integrity check finds wrong.
        on_stream: keys of the events on the stream, with the shard and ordinal of their record.
        rows: keys of the table's items.
        in_lake: request ids of the rows of every Parquet file.
        checkpoints: reader, shard, kind and ordinal of every checkpoint.
    """

    problems: list[str]
    on_stream: dict[Key, tuple[str, int]]
    rows: set[Key]
    in_lake: set[str]
    checkpoints: list[tuple[str, str, str, int]]

    def ahead(self) -> Iterator[str]:
        """Events that a checkpoint has passed and that are not where its reader brings them."""
        for reader, shard, kind, ordinal in self.checkpoints:
            for key, (where, at) in self.on_stream.items():
                passed = kind == "FINISHED" or at < ordinal or (at == ordinal and kind == "AFTER_SEQUENCE_NUMBER")
                there = key in self.rows if reader == "stream_mapping" else key[1] in self.in_lake
                if where == shard and passed and not there:
                    yield f"{reader} passed {key} in {shard}"


def read(folder: Path) -> Held:
    """Read a data folder."""
    connection = sqlite3.connect(folder / "spillway.db")
    try:
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        shards = {row[0]: f"shardId-{row[1]:012d}" for row in connection.execute("SELECT id, number FROM shards")}
        on_stream: dict[Key, tuple[str, int]] = {}
        for position, partition_key, data in connection.execute("SELECT position, partition_key, data FROM records"):
            place = shards[position >> ORDINAL_BITS], position & ((1 << ORDINAL_BITS) - 1)
            on_stream |= dict.fromkeys(_keys(partition_key, data), place)
        rows = {
            (item["timestamp"]["S"], item["request_id"]["S"])
            for (text,) in connection.execute(
                "SELECT attributes FROM items JOIN tables ON table_id = id WHERE name LIKE '%/spillway-local-events'"
            )
            for item in [json.loads(text)]
        }
        checkpoints = [
            (reader, shard, kind, ordinal_of(int(number)) if number else 0)
            for reader, shard, kind, number in connection.execute(
                "SELECT reader, shard, kind, sequence_number FROM checkpoints"
            )
        ]
    finally:
        connection.close()
    files = folder.glob("buckets/*lake*/events/**/*.parquet")
    in_lake = {
        str(each) for file in files for each in pq.read_table(file, columns=["request_id"])["request_id"].to_pylist()
    }
    return Held([each for each in problems if each != "ok"], on_stream, rows, in_lake, checkpoints)


def _keys(partition_key: str, data: bytes) -> Iterator[Key]:
    for record in deaggregate(partition_key, data):
        try:
            event = decode(record.data)
        except PoisonEvent:
            continue
        yield event.timestamp, event.request_id
