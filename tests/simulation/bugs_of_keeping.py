"""Bugs of what is kept and put back, to plant one at a time: checkpoints, shards, keys, loads, replays and compaction.

See `tests.simulation.bugs_of_carrying`.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import archive.replay.batches
import infra.local.event_sources.stream_mapping
import producers.idempotency
from archive.compaction.local import LocalEngine
from archive.lake.layout import CompactedHours
from archive.replay.journal import Intent, Journal, to_runs
from archive.replay.lock import ReplayLock
from archive.replay.settling import Settling
from infra.loading.journal import Journal as LoadJournal
from infra.loading.journal import Journals
from infra.local.aws.kinesis.shard import HashRange
from infra.local.aws.kinesis.shard_map import ShardMap
from infra.local.event_sources.shard_worker import ShardWorker
from infra.local.event_sources.stream_batches import Lane
from infra.local.firehose.delivery_stream import Firehose
from infra.local.store.checkpoints import Checkpoint, Kind
from producers.ingestion import Acceptance


def a_checkpoint_is_kept_before_the_write() -> None:
    """The mapping keeps its checkpoint behind a batch before it invokes the function."""
    deliver = ShardWorker._deliver

    def hasty(self: ShardWorker, lane: Lane, step: Any) -> None:
        self._keep(Checkpoint(Kind.AFTER, step.records[-1].sequence_number))
        deliver(self, lane, step)

    ShardWorker._deliver = hasty


def firehose_keeps_its_position_before_its_object() -> None:
    """Firehose keeps how far it has read, also what is in no object yet."""

    def keep(self: Firehose) -> None:
        if self._checkpoints is not None:
            self._checkpoints.keep(self._reader.checkpoints({}))

    Firehose._keep_checkpoints = keep


def children_are_read_before_their_parents() -> None:
    """A shard is begun although its parents have records left."""
    startable = infra.local.event_sources.stream_mapping.startable
    infra.local.event_sources.stream_mapping.startable = lambda shards, begun, finished: startable(  # noqa: ARG005
        [{"ShardId": each["ShardId"]} for each in shards], begun, ()
    )


def a_hash_range_is_off_by_one() -> None:
    """A split leaves out the hash key where it was to be."""

    def split(self: ShardMap, shard: Any, middle: int) -> None:
        ranges = HashRange(shard.hash_range.start, middle - 1), HashRange(middle + 1, shard.hash_range.end)
        self._replace([shard], ranges, parents=(shard,))

    ShardMap._split = split


def a_key_is_saved_before_the_put() -> None:
    """The receipt of an Idempotency-Key says that all was put, before it is."""

    def once(keys: Any, key: Any, first: Any, put: Callable[[Any], Any], lasts_seconds: float) -> Any:
        claimed = keys.claim(key, first, lasts_seconds)
        if isinstance(claimed, producers.idempotency.Receipt):
            return claimed
        receipt = producers.idempotency.Receipt(claimed.attempt.request_id, claimed.attempt.accepted_at_micros, (), ())
        keys.keep(claimed, Acceptance(receipt, 1, 0, 0, ""))
        return put(claimed.attempt).receipt

    producers.idempotency.once = once


def a_resumed_load_has_new_keys() -> None:
    """A load that is resumed sends its batches under other keys than before."""
    resume = Journals.resume

    def renamed(self: Journals) -> bool:
        left = resume(self)
        self.load_id = uuid.uuid4().hex
        return left

    Journals.resume = renamed


def a_load_notes_a_batch_before_it_is_answered() -> None:
    """The journal of a load has a batch as answered once it is read from the file."""
    left = LoadJournal.left

    def eager(self: Any, batches: Any) -> Any:
        for batch in left(self, batches):
            self.note(batch.first, batch.last)
            yield batch

    LoadJournal.left = eager


def the_journal_of_a_replay_is_written_after_the_put() -> None:
    """What a replay is about to put is in its journal only once it is put."""

    def intend(self: Journal, put: Sequence[Any], _discard: Sequence[Any]) -> int:
        first = self.record.next_number
        self.record.intent = Intent(first, to_runs(put), [])
        self.record.next_number += len(put)
        return first

    Journal.intend = intend


def the_lease_of_a_replay_is_not_checked() -> None:
    """A replay puts on without a look at whether another has taken it over."""
    ReplayLock.confirm = ReplayLock.renew = lambda _self: None


def a_replay_settles_before_it_puts() -> None:
    """Lines are settled as put back before they are put."""
    put = archive.replay.batches.Replay._put

    def hasty(self: Any, batch: Any) -> Any:
        places = [(each.failed.key, each.failed.line) for each in batch.planned]
        self._settling.settle(self._journal.record.id, archive.replay.batches.PUT_BACK, places)
        return put(self, batch)

    archive.replay.batches.Replay._put = hasty


def a_replay_does_not_settle() -> None:
    """What was put back is not noted, so the next replay puts it back again."""
    Settling.settle = lambda _self, _replay_id, _outcome, _places: None


def compaction_leaves_out_an_object() -> None:
    """The last new landing object of an hour is counted as merged, and is not."""
    write = LocalEngine.write
    LocalEngine.write = lambda self, task: write(self, replace(task, landing=task.landing[:-1] or task.landing))


def compaction_keeps_every_copy() -> None:
    """An event that another hour holds is compacted a second time."""
    write = LocalEngine.write
    LocalEngine.write = lambda self, task: write(self, replace(task, earlier=[], later=[]))


def compaction_replaces_the_manifest_of_another_run() -> None:
    """A run commits although another has committed meanwhile."""
    put = CompactedHours._put_in_place_of

    def careless(self: CompactedHours, key: str, text: str, etag: str | None) -> bool:
        if "/manifests/" not in key:
            return put(self, key, text, etag)
        self._put(key, text)
        return True

    CompactedHours._put_in_place_of = careless


BUGS: Final[tuple[Callable[[], None], ...]] = (
    a_checkpoint_is_kept_before_the_write,
    firehose_keeps_its_position_before_its_object,
    children_are_read_before_their_parents,
    a_hash_range_is_off_by_one,
    a_key_is_saved_before_the_put,
    a_resumed_load_has_new_keys,
    a_load_notes_a_batch_before_it_is_answered,
    the_journal_of_a_replay_is_written_after_the_put,
    the_lease_of_a_replay_is_not_checked,
    a_replay_settles_before_it_puts,
    a_replay_does_not_settle,
    compaction_leaves_out_an_object,
    compaction_keeps_every_copy,
    compaction_replaces_the_manifest_of_another_run,
)
