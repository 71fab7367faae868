"""Putting back what failed, once: batch by batch, each announced in the journal before, and settled after.

    intent in the journal ──▶ records on the stream ──▶ lines settled ──▶ the next intent, which closes the last

A process may be killed at each of these arrows. The next run then finds out what became of the last intent
(`archive.replay.in_doubt`), settles that much, and goes on with everything that is not settled. Memory holds one batch,
and what `archive.dead_letters.reading` reads ahead.

A process may also be suspended, and resume after another took over. So it confirms its lease right before each call
that puts records, and ends where the lease is lost.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.settled_lines import DISCARDED, PUT_BACK, SettledLines
from archive.replay.destinations import Destination, Planned
from archive.replay.in_doubt import StreamSearch
from archive.replay.journal import FINISHED, RUNNING, STOPPED, Journal
from archive.replay.lock import PUT_SECONDS, ReplayLock
from archive.replay.plan import Decides, Discarded, Left, Tally
from archive.replay.rate import Pace
from archive.replay.settling import SETTLE_SECONDS, ReplayStopped, Settling
from producers.clock import SYSTEM_CLOCK, Clock

BATCH_EVENTS: Final = 2_000
BATCH_BYTES: Final = 4 * 1024 * 1024
BATCH_SECONDS: Final = 1.0  # of the rate: a slow replay puts little at a time
PATIENCE_SECONDS: Final = 300.0  # without a single record taken
WAIT_SECONDS: Final = 1.0  # at a time, so that Ctrl-C and the lease are seen to


@dataclass(slots=True)
class _Batch:
    """Records that are put together, and what is settled along with them."""

    planned: list[Planned] = field(default_factory=list)
    discarded: list[FailedRecord] = field(default_factory=list)
    size: int = 0


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
        on_batch: called after each batch, for a progress bar.
    """

    def __init__(
        self,
        journal: Journal,
        lock: ReplayLock,
        *,
        planner: Decides,
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
        """Put a batch, and return what the stream did not take."""
        self._wait()
        places = [(each.failed.key, each.failed.line) for each in batch.planned]
        discarded = [(failed.key, failed.line) for failed in batch.discarded]
        replay_id = self._journal.record.id
        first = self._journal.intend(places, discarded)
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
