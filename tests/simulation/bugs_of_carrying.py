"""Bugs of what carries events, to plant one at a time: what the simulation must be able to find.

Each takes the place of something in the pipeline that guards a promise. `python -m tests.simulation --bug NAME` plants
it.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import consumers.stream_batch
import consumers.table
import consumers.table_writer
import producers.stream
from archive.dead_letters.archive import Archive
from infra.local.event_sources import queue_mapping
from infra.local.event_sources.shard_worker import ShardWorker
from infra.local.event_sources.stream_batches import Lane, _Batch
from infra.local.firehose.delivery import Delivery
from infra.local.firehose.transform import Transform, Transformed
from producers.idempotency import KeyTable


def unprocessed_items_dropped() -> None:
    """What BatchWriteItem leaves unprocessed counts as written."""
    original = consumers.table.EventTable._batch_write

    def forgetful(self: Any, writes: list[Any]) -> list[Any]:
        original(self, writes)
        return []

    consumers.table.EventTable._batch_write = forgetful


def cut_answer_of_the_table_is_success() -> None:
    """An answer of BatchWriteItem that lacks UnprocessedItems counts as all written."""
    consumers.table.required = lambda answer, member: answer.get(member, {})


def cut_answer_of_the_stream_is_success() -> None:
    """An answer of PutRecords that lacks its records counts as all written."""
    producers.stream._results = lambda answer, count: answer.get("Records") or [{"SequenceNumber": "0"}] * count


def refused_records_count_as_written() -> None:
    """A record that PutRecords refuses counts as written."""
    original = producers.stream._results

    def blind(answer: Any, count: int) -> list[dict[str, Any]]:
        return [{"SequenceNumber": "0"} if "ErrorCode" in each else each for each in original(answer, count)]

    producers.stream._results = blind


def a_retried_key_gets_new_keys() -> None:
    """The retry of an Idempotency-Key puts under the request id and the time of the retry."""
    original = KeyTable._take_over

    def renamed(self: KeyTable, found: dict[str, Any], receipt: Any, holder: str, held_until: str) -> Any:
        claim = original(self, found, receipt, holder, held_until)
        return replace(claim, attempt=replace(claim.attempt, request_id=holder))

    KeyTable._take_over = renamed


def the_highest_failed_record_is_reported() -> None:
    """The table writer reports the highest unwritten sequence number, not the lowest."""
    consumers.table_writer._lowest = lambda records: max(
        (record.source.sequence_number for record in records), key=int, default=None
    )


def poison_is_not_sent() -> None:
    """The table writer counts poison as sent, and sends nothing."""
    consumers.table_writer._send = lambda _poison, _context, _segments: []


def unsent_dead_letters_are_not_reported() -> None:
    """A dead letter that the queue does not take is dropped."""
    original = consumers.table_writer._send

    def careless(*arguments: Any) -> list[Any]:
        original(*arguments)
        return []

    consumers.table_writer._send = careless


def the_mapping_skips_the_failed_record() -> None:
    """A partial answer of the function advances one record too far."""
    original = Lane._advance
    Lane._advance = lambda self, batch, checkpoint: original(self, batch, min(checkpoint + 1, len(batch.held) - 1))


def bisecting_loses_the_middle() -> None:
    """A batch that is halved loses the record in the middle."""

    def halve(self: Lane, batch: _Batch, function_error: str | None) -> str:
        half = len(batch.held) // 2
        if half and self.settings.bisect_batch_on_function_error:
            self._batches[0] = _Batch(batch.held[:half])
            if rest := batch.held[half + 1 :]:
                self._batches.insert(1, _Batch(rest))
            self._back_off(self._batches[0])
            return "bisected"
        return self._count_failure(batch, function_error)

    Lane._fail = halve


def a_failed_invocation_counts_as_done() -> None:
    """The mapping moves on where the function failed."""
    original = Lane.settle
    Lane.settle = lambda self, result: original(self, replace(result, error=None, payload=None))


def a_shard_ends_with_records_held() -> None:
    """A shard that was read to its end is finished, though its lanes still hold records."""
    ShardWorker.is_finished = lambda self: self._ended
    original = ShardWorker._next_step
    ShardWorker._next_step = lambda self, lane: None if self._ended else original(self, lane)


def pointers_are_not_sent() -> None:
    """The mapping gives a batch up without a pointer."""
    ShardWorker._let_go = lambda _self, lane, _given_up: lane.released()


def the_transform_drops_after_a_failure() -> None:
    """A failed invocation of the transform settles its records as dropped."""
    original = Transform._attempt

    def impatient(self: Transform) -> Transformed:
        settled = original(self)
        nothing = not (settled.rows or settled.failed or settled.dropped)
        return Transformed(dropped=len(self._batch)) if nothing else settled

    Transform._attempt = impatient


def an_object_that_s3_refuses_is_dropped() -> None:
    """Firehose counts an object as delivered before S3 has it."""
    original = Delivery._put

    def hopeful(self: Delivery, pending: Any) -> None:
        with contextlib.suppress(Exception):
            original(self, pending)

    Delivery._put = hopeful


def a_message_that_s3_refuses_is_dropped() -> None:
    """The archiver reports a message as archived although S3 refused it."""
    original = Archive.put

    def careless(self: Archive, *arguments: Any) -> Any:
        try:
            return original(self, *arguments)
        except Exception:  # noqa: BLE001 (the bug)
            return []

    Archive.put = careless


def messages_are_deleted_before_the_function_has_them() -> None:
    """The queue's mapping deletes a batch after any answer of the function."""
    queue_mapping.failed_identifiers = lambda _answer, _identifiers: set()


def the_last_record_of_an_aggregate_is_lost() -> None:
    """De-aggregation leaves out the last record of an aggregate of several."""
    original = consumers.stream_batch.deaggregate

    def short(*arguments: Any) -> list[Any]:
        records = list(original(*arguments))
        return records[:-1] if len(records) > 2 else records

    consumers.stream_batch.deaggregate = short


def rows_of_one_time_are_merged() -> None:
    """Rows differ by their time alone."""

    def merged(self: Any, received: Any, _outcome: Any) -> Any:
        by_second = {}
        for delivery in received:
            row = consumers.table.row_of(delivery.event, self._ttl_seconds)
            earlier = by_second.get(delivery.event.timestamp[:19])
            by_second[delivery.event.timestamp[:19]] = consumers.table._Write(
                row, [*(earlier.deliveries if earlier else []), delivery]
            )
        return iter(by_second.values())

    consumers.table.EventTable._rows = merged


BUGS: Final[tuple[Callable[[], None], ...]] = (
    unprocessed_items_dropped,
    cut_answer_of_the_table_is_success,
    cut_answer_of_the_stream_is_success,
    refused_records_count_as_written,
    a_retried_key_gets_new_keys,
    the_highest_failed_record_is_reported,
    poison_is_not_sent,
    unsent_dead_letters_are_not_reported,
    the_mapping_skips_the_failed_record,
    bisecting_loses_the_middle,
    a_failed_invocation_counts_as_done,
    a_shard_ends_with_records_held,
    pointers_are_not_sent,
    the_transform_drops_after_a_failure,
    an_object_that_s3_refuses_is_dropped,
    a_message_that_s3_refuses_is_dropped,
    messages_are_deleted_before_the_function_has_them,
    the_last_record_of_an_aggregate_is_lost,
    rows_of_one_time_are_merged,
)
