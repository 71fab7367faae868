"""The journal of a replay: who replays what, how far it got, and what it is about to do.

Before a replay puts records back, the journal says which: the intent. A process that is killed after that has put back
none, some or all of them, and leaves the intent behind. The next run finds out from the stream
(`archive.replay.in_doubt`). Every write is conditional on the one before, so a process whose replay was taken over
cannot write another intent.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from archive.dead_letters.documents import Documents, WrittenByAnother, parsed
from archive.dead_letters.settled_lines import from_ranges, to_ranges
from archive.replay.lock import LockLost
from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import AWS_ERRORS

PREFIX: Final = "replays/journals/"
RUNNING: Final = "running"
FINISHED: Final = "finished"
STOPPED: Final = "stopped"

Place = tuple[str, int]  # an object's key, and a line in it


@dataclass(slots=True)
class Intent:
    """What is about to be done.

    Args:
        first: the number, in the replay, of the first record of `put`; the others follow.
        put: runs of lines to be put back: an object's key, and ranges of lines in order.
        discard: runs of lines to be settled without being put back.
        since: when this was written, by S3's clock; noted when a replay is taken over.
    """

    first: int
    put: list[tuple[str, str]]
    discard: list[tuple[str, str]]
    since: str | None = None


@dataclass(slots=True)
class Record:
    """What a journal says; see the module.

    Args:
        id: of the replay.
        operator: who began it.
        options: as the operator wrote them; a replay with the same options resumes with this journal.
        selection: see `archive.dead_letters.selection.Selection.describe`.
        edits: of the events, as the operator wrote them.
        destination: `stream`, `table` or `raw`.
        started_at, updated_at: UTC, ISO 8601.
        state: `running`, `finished` or `stopped`.
        next_number: of the next record to be put back.
        put_back: how many records were.
        discarded: how many an edit discarded.
        left: how many were not put back, by reason.
        resumed: how often it was resumed.
        intent: what is under way.
    """

    id: str
    operator: str
    options: dict[str, Any]
    selection: dict[str, Any]
    edits: list[str]
    destination: str
    started_at: str
    updated_at: str
    state: str = RUNNING
    next_number: int = 0
    put_back: int = 0
    discarded: int = 0
    left: dict[str, int] = field(default_factory=dict)
    resumed: int = 0
    error: str = ""
    intent: Intent | None = None

    @classmethod
    def from_json(cls, text: bytes) -> "Record":
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        intent = fields["intent"]
        if intent is not None:
            runs = {name: [(key, lines) for key, lines in intent[name]] for name in ("put", "discard")}
            fields["intent"] = Intent(intent["first"], runs["put"], runs["discard"], intent["since"])
        return cls(**fields)

    def to_json(self) -> bytes:
        """As kept in S3."""
        return json.dumps(asdict(self)).encode()


class Journal:
    """A journal in S3, held by the process that replays.

    Args:
        documents: the bucket.
        record: what it says.
        etag: of what is in S3; None where nothing is.
        clock: the time.
    """

    def __init__(
        self, documents: Documents, record: Record, etag: str | None = None, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._documents = documents
        self.record = record
        self._etag = etag
        self._clock = clock

    @classmethod
    def open(cls, documents: Documents, replay_id: str, clock: Clock = SYSTEM_CLOCK) -> "Journal | None":
        """Take over an earlier replay's journal; its present holder cannot write it any more.

        The time of its intent is noted in it, since this write gives the object a new time in S3.
        """
        found = documents.read(key_of(replay_id))
        if found is None:
            return None
        record = parsed(key_of(replay_id), found.body, Record.from_json)
        journal = cls(documents, record, found.etag, clock=clock)
        if journal.record.intent is not None:
            journal.intended_at()
        journal.save()
        return journal

    def save(self) -> None:
        """Write it.

        Raises:
            LockLost: another has written it in the meantime.
        """
        self.record.updated_at = datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="seconds")
        try:
            self._etag = self._documents.write_if(key_of(self.record.id), self.record.to_json(), self._etag)
        except WrittenByAnother:
            raise LockLost(f"another took over replay {self.record.id}; see dead-letters history") from None

    def intend(self, put: Sequence[Place], discard: Sequence[Place]) -> int:
        """Say what is about to be done, and return the number of its first record.

        Raises:
            LockLost: another has taken over.
        """
        first = self.record.next_number
        self.record.intent = Intent(first, to_runs(put), to_runs(discard))
        self.record.next_number += len(put)
        self.save()
        return first

    def intended_at(self) -> datetime:
        """When the present intent was written, by S3's clock; kept in it from now on.

        Raises:
            LockLost: another has written the journal since.
            ValueError: nothing is intended.
        """
        intent = self.record.intent
        if intent is None:
            raise ValueError(f"replay {self.record.id} intends nothing")
        if intent.since is None:
            found = self._documents.read(key_of(self.record.id))
            if found is None or found.etag != self._etag:
                raise LockLost(f"another took over replay {self.record.id}; see dead-letters history")
            intent.since = found.written_at.isoformat()
        return datetime.fromisoformat(intent.since)

    def leave_off(self) -> None:
        """Write the journal when the replay breaks off; where that fails, what is in S3 is enough to go on."""
        with contextlib.suppress(*AWS_ERRORS, LockLost):
            if self.record.intent is not None:
                self.intended_at()
            self.save()

    def done(self, put_back: int, discarded: int) -> None:
        """Note that the intent is carried out, in part or whole; written with the next intent, or with `save`."""
        self.record.intent = None
        self.record.put_back += put_back
        self.record.discarded += discarded


def key_of(replay_id: str) -> str:
    """The key of a journal."""
    return f"{PREFIX}{replay_id}.json"


def to_runs(places: Iterable[Place]) -> list[tuple[str, str]]:
    """Places, in their order, as runs of rising lines of one object."""
    runs: list[tuple[str, list[int]]] = []
    for key, line in places:
        if runs and runs[-1][0] == key and line > runs[-1][1][-1]:
            runs[-1][1].append(line)
        else:
            runs.append((key, [line]))
    return [(key, to_ranges(lines)) for key, lines in runs]


def from_runs(runs: Iterable[tuple[str, str]]) -> Iterator[Place]:
    """The places that runs name, in their order."""
    for key, lines in runs:
        for line in from_ranges(lines):
            yield key, line
