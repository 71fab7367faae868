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


class Checkpoints:
    """The checkpoints of every reader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, reader: str, stream: str) -> dict[str, Checkpoint]:
        """Those of one reader of one stream, by shard id."""
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

    def forget_stream(self, stream: str) -> None:
        """Forget those of a stream that was deleted."""
        self._database.write(
            lambda connection: connection.execute("DELETE FROM checkpoints WHERE stream = ?", (stream,))
        )
