"""Entering lines as settled, and settling what an interrupted replay was in the middle of."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Literal

from archive.dead_letters.documents import Documents, WrittenByAnother
from archive.dead_letters.settled_lines import DISCARDED, PUT_BACK, SettledLines, read_settled_lines, settled_key
from archive.replay.destination_kinds import TABLE
from archive.replay.in_doubt import OutOfReach, StreamSearch
from archive.replay.journal import RUNNING, STOPPED, Intent, Journal, Place, Record, from_runs
from archive.replay.lock import ReplayLock
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained

SETTLE_SECONDS: Final = 2.0  # before the stream is asked: until what was under way has arrived
SETTLE_TRIES: Final = 10  # to write the settled lines of an object that others write as well
KNOWN_OBJECTS: Final = 64  # whose settled lines are at hand

OnDoubt = Literal["ask", "again", "done"]


class ReplayStopped(Explained):
    """A replay cannot go on; the message says why. What was put back is settled, and a further run goes on."""


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
            for old in list(self._known)[:-KNOWN_OBJECTS]:
                del self._known[old]
            self._known[key] = settled

    def settle(self, replay_id: str, outcome: str, places: Iterable[Place]) -> None:
        """Enter lines, beside what is settled of their objects already."""
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


def settle_interrupted(
    lock: ReplayLock,
    documents: Documents,
    *,
    settling: Settling,
    search: StreamSearch,
    on_doubt: OnDoubt = "ask",
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Settle what replays were in the middle of when their processes died; call it before anything is put back.

    Args:
        lock: the lease, acquired.
        documents: the bucket.
        settling: enters what is done.
        search: finds on the stream what is in doubt.
        on_doubt: what to do where the stream no longer holds that time: refuse, put back again, or take it as done.
        clock: the time.

    Returns:
        Ids of those replays.

    Raises:
        OutOfReach: the stream no longer holds that time, and `on_doubt` is `ask`.
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
