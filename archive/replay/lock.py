"""One replay at a time: a lease in S3, taken by conditional writes, kept alive by its holder.

Two replays at once would both fill the stream's free capacity, and would put events back twice where their selections
overlap. A holder that dies leaves its lease behind. Another takes it over at once where the dead process ran on the
same machine, and otherwise when the lease has run out, by S3's clock. It first settles what the holder was in the
middle of: `archive.replay.settling`.
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archive.dead_letters.documents import Document, Documents, WrittenByAnother, parsed
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained

KEY: Final = "replays/lock.json"
# A holder renews its lease before each put, and ends the put within PUT (and the client's read time-out, 10 s). So when
# LEASE has passed, none of its calls is under way, unless it is suspended: then it confirms the lease before the next.
LEASE_SECONDS: Final = 90.0
RENEW_SECONDS: Final = 15.0
PUT_SECONDS: Final = 30.0


class ReplayUnderWay(Explained):
    """Somebody else replays; the message says who, how long, and what to do."""


class LockLost(Explained):
    """Another has taken the lease over; this process may put nothing more."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who replays.

    Args:
        operator: for people, such as an ARN.
        host: the machine's name.
        pid: of the process on it.
        replay: the replay's id; empty before it is known.
        since: when it began: UTC, ISO 8601.
    """

    operator: str
    host: str
    pid: int
    replay: str = ""
    since: str = ""


def is_alive(pid: int) -> bool:
    """Whether a process of this machine still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class ReplayLock:
    """The lease of one environment.

    Args:
        documents: the bucket.
        holder: who asks for it.
        clock: the time.
        alive: whether a process of this machine runs.
    """

    def __init__(
        self,
        documents: Documents,
        holder: Holder,
        *,
        clock: Clock = SYSTEM_CLOCK,
        alive: Callable[[int], bool] = is_alive,
    ) -> None:
        self._documents = documents
        self._holder = replace(holder, since=_iso(clock.time()))
        self._renewed_at = clock.monotonic()
        self._clock = clock
        self._alive = alive
        self._etag: str | None = None
        self.unsettled: list[str] = []  # replays whose holders died; what they were in the middle of is not settled

    def acquire(self) -> None:
        """Take the lease.

        Raises:
            ReplayUnderWay: somebody else has it.
        """
        found = self._documents.read(KEY)
        if found is not None:
            holder, self.unsettled = parsed(KEY, found.body, read_lease)
            if holder is not None:
                self._refuse_unless_dead(holder, found)
                if holder.replay and holder.replay not in self.unsettled:
                    self.unsettled.append(holder.replay)
        try:
            self._etag = self._documents.write_if(KEY, self._body(self._holder), found.etag if found else None)
        except WrittenByAnother:
            raise ReplayUnderWay("somebody else began a replay at this very moment; see dead-letters history") from None

    def enter(self, replay_id: str) -> None:
        """Note which replay the lease is for, and that every earlier one is settled."""
        self.unsettled = []
        self._holder = replace(self._holder, replay=replay_id)
        self._write()

    def confirm(self) -> None:
        """Make sure that the lease is still ours, and renew it.

        Raises:
            LockLost: another has taken over.
        """
        self._write()

    def renew(self) -> None:
        """Renew the lease, where the last time is a while ago.

        Raises:
            LockLost: another has taken over.
        """
        if self._clock.monotonic() - self._renewed_at >= RENEW_SECONDS:
            self._write()

    def release(self, unsettled: str = "") -> None:
        """Give the lease back; nothing where another has taken it over.

        Args:
            unsettled: id of the replay, where what it intended is still in doubt.
        """
        if unsettled and unsettled not in self.unsettled:
            self.unsettled.append(unsettled)
        with contextlib.suppress(WrittenByAnother):
            self._documents.write_if(KEY, self._body(None), self._etag)

    def _write(self) -> None:
        self._renewed_at = self._clock.monotonic()
        try:
            self._etag = self._documents.write_if(KEY, self._body(self._holder), self._etag)
        except WrittenByAnother:
            raise LockLost("another took this replay over; see dead-letters history") from None

    def _refuse_unless_dead(self, holder: Holder, lease: Document) -> None:
        age = (lease.read_at - lease.written_at).total_seconds()
        is_dead_here = holder.host == self._holder.host and not self._alive(holder.pid)
        if age < LEASE_SECONDS and not is_dead_here:
            free_at = lease.written_at + timedelta(seconds=LEASE_SECONDS)
            raise ReplayUnderWay(
                f"{holder.operator} on {holder.host} (process {holder.pid}) has been replaying since "
                f"{holder.since[:19]}Z, last sign of life {max(age, 0):.0f} s ago; wait for it, or stop it there with "
                f"Ctrl-C. Should that machine be gone, the same command takes over after {free_at:%H:%M:%S} UTC"
            )

    def _body(self, holder: Holder | None) -> bytes:
        holding = None if holder is None else asdict(holder)
        return json.dumps({"version": 1, "holder": holding, "unsettled": self.unsettled}).encode()


def read_lease(body: bytes) -> tuple[Holder | None, list[str]]:
    """Who holds the lease, and the replays that are not settled."""
    kept: dict[str, Any] = json.loads(body)
    return None if kept["holder"] is None else Holder(**kept["holder"]), list(kept["unsettled"])


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
