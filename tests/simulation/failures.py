"""Where failures lie: in the queues and in the archive, read from the store itself."""

import json
from collections.abc import Iterator
from typing import Any

from archive.dead_letters.failures import FailedRecord, read_dead_letter
from consumers.stream_batch import Source
from tests.simulation.world import World


class Failures:
    """What the queues and the archive hold at this moment.

    Args:
        world: whose store.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def accounts_for(self, source: Source) -> bool:
        """Whether a dead letter or a pointer names a place on the stream."""
        place = (source.shard_id, source.sequence_number, source.subsequence_number)
        number = int(source.sequence_number)
        for message in self._messages():
            if batch := message.get("KinesisBatchInfo"):
                first, last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
                if batch["shardId"] == source.shard_id and first <= number <= last:
                    return True
            elif place_of(message.get("source")) == place:
                return True
        return any(_place(each) == place for each in self.archived())

    def archived(self) -> Iterator[FailedRecord]:
        """Every dead letter in the archive."""
        for stored in self._world.store.objects.listed(
            self._world.names.dead_letter_bucket, "dead-letters/", "dead-letters0"
        ):
            for line, text in enumerate(stored.file.read_bytes().splitlines()):
                yield read_dead_letter(stored.key, line, text)

    def _messages(self) -> Iterator[dict[str, Any]]:
        with self._world.store.database.reading() as connection:
            bodies = [str(row[0]) for row in connection.execute("SELECT body FROM messages")]
        yield from (json.loads(line) for body in bodies for line in body.splitlines())


def place_of(source: dict[str, Any] | None) -> tuple[str, str, int] | None:
    """The place on the stream that a dead letter names."""
    return None if source is None else (source["shard_id"], source["sequence_number"], source["subsequence_number"])


def _place(record: FailedRecord) -> tuple[str, str, int] | None:
    source = record.source
    return None if source is None else (source.shard_id, source.sequence_number, source.subsequence_number)
