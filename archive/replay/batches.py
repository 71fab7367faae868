"""Putting back what failed, once: batch by batch, each announced in the journal before, and settled after.

    intent in the journal ──▶ records on the stream ──▶ lines settled ──▶ the next intent, which closes the last

Killed at any of these arrows, the next run begins by finding out what became of the last intent
(`archive.replay.in_doubt`), settles that much, and goes on with everything that is not settled. What bounds memory is
one batch, and what `archive.dead_letters.reading` reads ahead.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

from archive.dead_letters.documents import Documents, WrittenByAnother
from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.settled_lines import DISCARDED, PUT_BACK, SettledLines, read_settled_lines, settled_key
from archive.replay.destinations import TABLE, Destination, Planned
from archive.replay.in_doubt import OutOfReach, StreamSearch
from archive.replay.journal import FINISHED, RUNNING, STOPPED, Intent, Journal, Place, Record, from_runs
from archive.replay.lock import PUT_SECONDS, ReplayLock
from archive.replay.plan import Discarded, Left, Planner, Tally
from archive.replay.rate import Pace
from producers.clock import SYSTEM_CLOCK, Clock

BATCH_EVENTS: Final = 2_000
BATCH_BYTES: Final = 4 * 1024 * 1024
BATCH_SECONDS: Final = 1.0  # of the rate: a slow replay puts little at a time
SETTLE_SECONDS: Final = 2.0  # before the stream is asked: until what was under way has arrived
SETTLE_TRIES: Final = 10  # to write the settled lines of an object that others write as well
PATIENCE_SECONDS: Final = 300.0  # without a single record taken
WAIT_SECONDS: Final = 1.0  # at a time, so that Ctrl-C and the lease are seen to

OnDoubt = Literal["ask", "again", "done"]


class ReplayStopped(Exception):
    """A replay cannot go on; the message says why. What was put back is settled, and a further run goes on."""


@dataclass(slots=True)
class _Batch:
    """Records that are put together, and what is settled along with them."""

    planned: list[Planned] = field(default_factory=list)
    discarded: list[FailedRecord] = field(default_factory=list)
    size: int = 0


class Settling:
    """Enters lines as settled.

    Args:
        documents: the bucket.
        executor: writes several objects at once.
        clock: the time.
    """

    def __init__(self, documents: Documents, executor: Executor, clock: Clock = SYSTEM_CLOCK) -> None:
        self._documents = documents
        self._executor = executor
        self._clock = clock
        self._known: dict[str, SettledLines] = {}

    def know(self, key: str, settled: SettledLines) -> None:
        """Keep what is settled of the object that is read at present."""
        if key not in self._known:
            for old in list(self._known)[:-64]:
                del self._known[old]
            self._known[key] = settled

    def settle(self, replay_id: str, outcome: str, places: Iterable[Place]) -> None:
        """Enter lines, whatever else is settled of their objects."""
        by_key: dict[str, list[int]] = {}
        for key, line in places:
            by_key.setdefault(key, []).append(line)
        at = datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="seconds")
        list(self._executor.map(lambda key: self._write(key, replay_id, outcome, at, by_key[key]), by_key))

    def _write(self, key: str, replay_id: str, outcome: str, at: str, lines: list[int]) -> None:
        settled = self._known.get(key) or read_settled_lines(self._documents, key)
        for _ in range(SETTLE_TRIES):
            settled.add(replay_id, outcome, at, lines)
            try:
                settled.etag = self._documents.write_if(settled_key(key), settled.to_json(), settled.etag)
            except WrittenByAnother:  # by the replay that took this one over: both have settled lines
                settled = replace(read_settled_lines(self._documents, key), total=settled.total)
                continue
            self._known[key] = settled
            return
        raise ReplayStopped(f"{settled_key(key)} was rewritten by others {SETTLE_TRIES} times in a row")


class Replay:
    """One replay, by the process that holds the lease.

    Args:
        journal: of the replay.
        lock: the lease, acquired.
        planner: decides about each failure.
        destination: where records go.
        settling: enters what is done.
        search: finds on the stream what is in doubt.
        pace: how fast.
        clock: the time.
        stop: whether to end before the next batch, as after Ctrl-C.
        on_batch: told after each batch, for a progress bar.
    """

    def __init__(
        self,
        journal: Journal,
        lock: ReplayLock,
        *,
        planner: Planner,
        destination: Destination,
        settling: Settling,
        search: StreamSearch,
        pace: Pace,
        clock: Clock = SYSTEM_CLOCK,
        stop: Callable[[], bool] = lambda: False,
        on_batch: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        self._journal = journal
        self._lock = lock
        self._planner = planner
        self._destination = destination
        self._settling = settling
        self._search = search
        self._pace = pace
        self._clock = clock
        self._stop = stop
        self._on_batch = on_batch
        self._tally = Tally()
        self._progress_at = clock.monotonic()

    def run(self, failures: Iterable[tuple[FailedRecord, SettledLines]], *, again: bool = False) -> Tally:
        """Put failures back.

        Args:
            failures: those selected, each with what is settled of its object.
            again: whether to take those too that earlier replays settled.

        Returns:
            What this run did; the journal has what all runs of this replay did.

        Raises:
            ReplayStopped: the stream takes nothing, or the operator said so.
            LockLost: another has taken over.
        """
        record = self._journal.record
        record.state, record.left, record.error = RUNNING, {}, ""
        carried: list[Planned] = []
        try:
            for batch in self._batches(self._unsettled(failures, again=again)):
                batch.planned[:0] = carried
                carried = self._put(batch)
                self._heed_stop()
            while carried:
                carried = self._put(_Batch(carried))
        except BaseException as error:
            record.state, record.error = STOPPED, str(error) or type(error).__name__
            record.left = dict(self._tally.left)
            self._journal.leave_off()
            raise
        record.state, record.left = FINISHED, dict(self._tally.left)
        self._journal.save()
        return self._tally

    def _unsettled(
        self, failures: Iterable[tuple[FailedRecord, SettledLines]], *, again: bool
    ) -> Iterator[FailedRecord]:
        by = self._journal.record.id if again else None
        for failed, settled in failures:
            self._settling.know(failed.key, settled)
            if not settled.holds(failed.line, by):
                yield failed

    def _batches(self, failures: Iterator[FailedRecord]) -> Iterator[_Batch]:
        batch = _Batch()
        for failed in failures:
            match self._planner.decide(failed):
                case Left() as left:
                    self._tally.leave(left)
                case Discarded():
                    batch.discarded.append(failed)
                case Planned() as planned:
                    batch.planned.append(planned)
                    batch.size += planned.size
            events = len(batch.planned) + len(batch.discarded)
            seconds = self._pace.rate.seconds(batch.size, 0, len(batch.planned))
            if events >= BATCH_EVENTS or batch.size >= BATCH_BYTES or (events and seconds >= BATCH_SECONDS):
                yield batch
                batch = _Batch()
        if batch.planned or batch.discarded:
            yield batch

    def _put(self, batch: _Batch) -> list[Planned]:
        """Put a batch; gives what the stream did not take."""
        self._wait()
        places = [(each.failed.key, each.failed.line) for each in batch.planned]
        discarded = [(failed.key, failed.line) for failed in batch.discarded]
        replay_id = self._journal.record.id
        first = self._journal.intend(places, discarded)
        # A process may be suspended at any moment, and taken over: so the lease is confirmed right before each call.
        result = self._destination.put(
            batch.planned, replay_id, first, self._clock.monotonic() + PUT_SECONDS, self._lock.confirm
        )
        may_pass = result.throttled or bool(result.doubtful)
        if result.doubtful:
            self._clock.sleep(SETTLE_SECONDS)
            found = self._search.numbers(replay_id, self._journal.intended_at())
            for position in result.doubtful:
                (result.written if first + position in found else result.unwritten).append(position)
        self._settling.settle(replay_id, PUT_BACK, [places[position] for position in sorted(result.written)])
        self._settling.settle(replay_id, DISCARDED, discarded)
        self._journal.done(len(result.written), len(discarded))
        for position in result.written:
            self._tally.plan(batch.planned[position])
        self._tally.discarded += len(discarded)
        for position, reason in result.refused.items():
            self._tally.leave(Left(batch.planned[position].failed.name, "refused by the table", reason))
        self._pace.spent(result.size, result.records, len(result.written), throttled=result.throttled)
        self._on_batch(self._tally)
        self._give_up_if_stuck(bool(result.written or not result.unwritten), result.error, may_pass=may_pass)
        return [batch.planned[position] for position in sorted(result.unwritten)]

    def _wait(self) -> None:
        while (seconds := self._pace.seconds_to_wait) > 0 and not self._stop():
            self._clock.sleep(min(seconds, WAIT_SECONDS))
            self._lock.renew()

    def _heed_stop(self) -> None:
        if self._stop():
            raise ReplayStopped("stopped as asked")

    def _give_up_if_stuck(self, progress: bool, error: str, *, may_pass: bool) -> None:  # noqa: FBT001 (its subject)
        now = self._clock.monotonic()
        if progress:
            self._progress_at = now
        elif not may_pass or now - self._progress_at >= PATIENCE_SECONDS:
            raise ReplayStopped(f"nothing is taken: {error}")


def settle_interrupted(
    lock: ReplayLock,
    documents: Documents,
    *,
    settling: Settling,
    search: StreamSearch,
    on_doubt: OnDoubt = "ask",
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Settle what replays were in the middle of whose holders died; call it before anything is put back.

    Args:
        lock: the lease, acquired.
        documents: the bucket.
        settling: enters what is done.
        search: finds on the stream what is in doubt.
        on_doubt: what to do where the stream no longer tells: refuse, put them back again, or take them as done.
        clock: the time.

    Returns:
        Ids of those replays.

    Raises:
        OutOfReach: the stream no longer tells, and `on_doubt` is `ask`.
    """
    interrupted = list(lock.unsettled)
    for replay_id in interrupted:
        journal = Journal.open(documents, replay_id, clock)
        if journal is None:
            continue
        record = journal.record
        if record.intent is not None:
            found = _put_of(record, record.intent, search, on_doubt, clock)
            discarded = list(from_runs(record.intent.discard))
            settling.settle(record.id, PUT_BACK, found)
            settling.settle(record.id, DISCARDED, discarded)
            journal.done(len(found), len(discarded))
        if record.state == RUNNING:
            record.state, record.error = STOPPED, "the process ended in the middle"
        journal.save()
    return interrupted


def _put_of(record: Record, intent: Intent, search: StreamSearch, on_doubt: OnDoubt, clock: Clock) -> Sequence[Place]:
    """The places of an intent whose records are on the stream."""
    places = list(from_runs(intent.put))
    if record.destination == TABLE or not places or intent.since is None:
        return []  # writing a row again changes nothing
    clock.sleep(SETTLE_SECONDS)
    try:
        found = search.numbers(record.id, datetime.fromisoformat(intent.since))
    except OutOfReach:
        if on_doubt == "ask":
            raise
        return places if on_doubt == "done" else []
    return [place for number, place in enumerate(places, intent.first) if number in found]
