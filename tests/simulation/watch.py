"""Promises that must hold at any moment, checked at each change that could break them.

A row never gets other content. A checkpoint is never ahead of its data. Records of one partition key are delivered in
the order in which they were put, each once those before it are settled.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from consumers.stream_batch import Source, user_records
from infra.functions import TABLE_WRITER
from infra.local.aws.kinesis import find_stream
from infra.local.event_sources.on_failure import OnFailureQueue
from infra.local.event_sources.stream_batches import GiveUp
from infra.local.functions import InvocationResult
from infra.local.store.checkpoints import Checkpoint, Checkpoints, Kind
from infra.local.store.object_files import ObjectFiles, Put
from infra.local.store.table_items import Row, TableItems
from producers.aggregation import MalformedAggregate
from producers.event import Event, PoisonEvent, decode
from producers.replay_mark import LAKE, TABLE
from tests.simulation.failures import Failures
from tests.simulation.lake import errors_in, keys_in
from tests.simulation.model import Key, Model, PromiseBroken
from tests.simulation.world import World

MOST: Final = 1 << 30


class Watch:
    """Sees every change of the stores of one simulation.

    Args:
        world: whose stores.
        model: holds the rows.
        report: takes a promise that is broken.
    """

    def __init__(self, world: World, model: Model, report: Callable[[BaseException], None]) -> None:
        self._world = world
        self._model = model
        self._report = report
        self._written: set[Key] = set()
        self._landed: set[Key] = set()
        self._failed: set[bytes] = set()  # bytes in Firehose's error objects
        self._checked: dict[tuple[str, str], int] = {}  # by reader and shard: behind the last record that was checked
        self._order = Order(report)
        self._watch_rows()
        self._watch_objects()
        self._watch_checkpoints()
        self._watch_pointers()

    def delivered(self, function: str, event: Any) -> None:
        """An invocation begins."""
        if function == self._world.names.function(TABLE_WRITER):
            self._order.delivered(_records_of(event))

    def answered(self, function: str, event: Any, result: InvocationResult) -> None:
        """An invocation has ended."""
        if function == self._world.names.function(TABLE_WRITER) and result.error is None:
            failed = [int(each["itemIdentifier"]) for each in result.payload["batchItemFailures"]]
            lowest = min(failed, default=None)
            self._order.settled([each for each in _records_of(event) if lowest is None or each[1] < lowest])

    def restarted(self) -> None:
        """The process was killed: what was under way is delivered again."""
        self._order.forget()

    def _watch_rows(self) -> None:
        put = TableItems.put

        def seen(items: TableItems, rows: Sequence[Row]) -> None:
            found = [(_key(row), row.attributes) for row in rows if row.range_key]
            try:
                self._model.rows_written(found)
            except PromiseBroken as broken:
                self._report(broken)
            put(items, rows)
            self._written.update(key for key, _ in found)

        TableItems.put = seen

    def _watch_objects(self) -> None:
        commit = ObjectFiles.commit

        def seen(objects: ObjectFiles, bucket: str, puts: Sequence[Put], deletions: Any) -> None:
            commit(objects, bucket, puts, deletions)
            for each in puts:
                if bucket == self._world.names.lake_bucket and each.body is not None:
                    self._land(each.key, bytes(each.body))

        ObjectFiles.commit = seen

    def _land(self, key: str, body: bytes) -> None:
        if key.startswith("events/"):
            self._landed.update(keys_in(body))
        elif key.startswith("firehose-errors/"):
            for data in errors_in(key, body):
                self._failed.add(data)

    def _watch_checkpoints(self) -> None:
        keep = Checkpoints.keep

        def seen(checkpoints: Checkpoints, reader: str, stream: str, kept: dict[str, Checkpoint]) -> None:
            try:
                for shard, checkpoint in kept.items():
                    self._check(reader, shard, checkpoint)
            except Exception as error:  # noqa: BLE001 (a fault of the check itself, which ends the simulation)
                self._report(error)
                return
            keep(checkpoints, reader, stream, kept)

        Checkpoints.keep = seen

    def _watch_pointers(self) -> None:
        send = OnFailureQueue.send

        def seen(queue: OnFailureQueue, given_up: GiveUp, shard_id: str) -> None:
            send(queue, given_up, shard_id)
            self._order.settled([(each.partition_key, int(each.sequence_number)) for each in given_up.records])

        OnFailureQueue.send = seen

    def _check(self, reader: str, shard: str, checkpoint: Checkpoint) -> None:
        """Hold a checkpoint against what it covers."""
        begin = self._checked.get((reader, shard), 0)
        behind = 1 << 200 if checkpoint.kind is Kind.FINISHED else int(checkpoint.sequence_number)
        behind += checkpoint.kind is Kind.AFTER
        log = find_stream(self._world.names.stream, self._world.settings.region).log
        records = log.shard(shard).records.read(begin, MOST, MOST).records
        for record in records:
            if record.sequence_number >= behind:
                break
            source = Source("", shard, str(record.sequence_number), 0, record.partition_key, "")
            for own, data in _taken_apart(source, record.data):
                if not self._is_settled(reader, own, data):
                    self._report(PromiseBroken(f"{reader}: {checkpoint} of {shard} is ahead of {own}, {data[:120]!r}"))
                    return
        self._checked[reader, shard] = max(begin, min(behind, records[-1].sequence_number + 1) if records else begin)

    def _is_settled(self, reader: str, source: Source, data: bytes) -> bool:
        try:
            event = decode(data)
        except PoisonEvent:
            event = None
        if reader == "firehose":
            return self._is_in_lake(event, data)
        if event is not None and not event.is_bound_for(TABLE):
            return True
        key = None if event is None else (event.timestamp, event.request_id)
        if key in self._written or (key is not None and self._has_row(key)):
            return True
        return Failures(self._world).accounts_for(source)

    def _is_in_lake(self, event: Event | None, data: bytes) -> bool:
        if event is not None and not event.is_bound_for(LAKE):
            return True
        for _ in range(2):
            if data in self._failed or (event is not None and (event.timestamp, event.request_id) in self._landed):
                return True
            self._land_all()  # a process that was killed may have put it, and not come back here
        return False

    def _land_all(self) -> None:
        for stored in self._world.store.objects.listed(self._world.names.lake_bucket):
            self._land(stored.key, stored.file.read_bytes())

    def _has_row(self, key: Key) -> bool:
        stored = self._world.pipeline._stored(self._world.names.table)
        return TableItems(self._world.store.database, stored).get(key[0].encode(), key[1].encode()) is not None


class Order:
    """The order in which records of one partition key are delivered.

    Args:
        report: takes a promise that is broken.
    """

    def __init__(self, report: Callable[[PromiseBroken], None]) -> None:
        self._report = report
        self._last: dict[str, int] = {}
        self._seen: set[int] = set()
        self._open: dict[str, set[int]] = defaultdict(set)

    def delivered(self, records: list[tuple[str, int]]) -> None:
        """A function is invoked with records: partition keys and sequence numbers."""
        before: set[int] = set()
        for key, number in records:
            last = self._last.get(key, 0)
            if number < last and number not in self._seen:
                self._report(PromiseBroken(f"record {number} of key {key!r} is delivered after {last}"))
            left = [each for each in self._open[key] if each < number and each not in before]
            if left:
                self._report(PromiseBroken(f"record {number} of key {key!r} is delivered before {left[0]} is settled"))
            self._last[key] = max(last, number)
            self._seen.add(number)
            self._open[key].add(number)
            before.add(number)

    def settled(self, records: list[tuple[str, int]]) -> None:
        """Records are in the table, in a dead letter, or named by a pointer."""
        for key, number in records:
            self._open[key].discard(number)

    def forget(self) -> None:
        """The reader begins anew, at its checkpoints."""
        self._open.clear()


def _records_of(event: Any) -> list[tuple[str, int]]:
    return [(each["kinesis"]["partitionKey"], int(each["kinesis"]["sequenceNumber"])) for each in event["Records"]]


def _taken_apart(source: Source, data: bytes) -> Iterator[tuple[Source, bytes]]:
    try:
        yield from user_records(source, data)
    except MalformedAggregate:
        yield source, data


def _key(row: Row) -> Key:
    return row.hash_key.decode(), row.range_key.decode()
