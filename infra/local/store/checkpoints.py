"""How far each reader of a stream has come, shard by shard."""

from dataclasses import dataclass
from enum import StrEnum

from infra.local.store.database import Database


class Kind(StrEnum):
    """What a checkpoint's sequence number means."""

    AT = "AT_SEQUENCE_NUMBER"  # read on from this record
    AFTER = "AFTER_SEQUENCE_NUMBER"  # read on behind it
    FINISHED = "FINISHED"  # the shard is closed, and everything in it is settled


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a reader goes on in a shard.

    Args:
        kind: what the number means.
        sequence_number: of a record; empty with FINISHED, and there alone.
    """

    kind: Kind
    sequence_number: str = ""


class ReaderCheckpoints:
    """The checkpoints of one reader of one stream.

    Args:
        checkpoints: of every reader.
        reader: its name.
        stream: the stream: account, region and name.
    """

    def __init__(self, checkpoints: "Checkpoints", reader: str, stream: str) -> None:
        self._checkpoints = checkpoints
        self._reader = reader
        self._stream = stream
        self._kept: dict[str, Checkpoint] = {}

    def load(self) -> dict[str, Checkpoint]:
        """Those that were kept, by shard id."""
        self._kept = self._checkpoints.of(self._reader, self._stream)
        return dict(self._kept)

    def keep(self, checkpoints: dict[str, Checkpoint]) -> bool:
        """Keep those that changed; what they cover must be on disk already. Gives whether there were any."""
        changed = {shard: each for shard, each in checkpoints.items() if self._kept.get(shard) != each}
        self._checkpoints.keep(self._reader, self._stream, changed)
        self._kept |= changed
        return bool(changed)


class Checkpoints:
    """The checkpoints of every reader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, reader: str, stream: str) -> dict[str, Checkpoint]:
        """The checkpoints of one reader of one stream, by shard id."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT shard, kind, sequence_number FROM checkpoints WHERE reader = ? AND stream = ?", (reader, stream)
            ).fetchall()
        return {shard: Checkpoint(Kind(kind), number) for shard, kind, number in rows}

    def keep(self, reader: str, stream: str, checkpoints: dict[str, Checkpoint]) -> None:
        """Keep some; what they cover must be on disk already."""
        if not checkpoints:
            return
        rows = [(reader, stream, shard, each.kind, each.sequence_number) for shard, each in checkpoints.items()]
        self._database.write(
            lambda connection: connection.executemany("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)", rows)
        )
