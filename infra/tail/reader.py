"""The tail of a stream: its user records as they come, in order within a shard, for as long as somebody takes them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from archive.dead_letters.selection import SelectionError, Where
from infra.tail.pace import READ_SECONDS, ConsumersAge
from infra.tail.shards import Cursor, Shards
from infra.tail.tailed import Tailed, records_of
from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import AWS_ERRORS, Backoff, error_code, is_throttling, is_transient

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

PATIENCE_SECONDS: Final = 120.0  # for a shard of which no read works
MAX_READ_RECORDS: Final = 1_000  # a call; each is at most 1 MiB, and a call gives at most 10 MiB


class Stop(Protocol):
    """What ends a tail, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether it has to end."""

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds, or until it has to end; whether it has to."""


class Tail:
    """Follows a stream.

    One call of GetRecords is under way at a time, and nothing is held but its answer.

    Args:
        kinesis: a boto3 client.
        stream: the stream's name.
        start: events that arrived from then on; None for those that arrive from now on.
        where: only records of which this holds; None for all.
        pause_seconds: between two reads of a shard.
        consumers: shows whether the stream's consumers fall behind; None where nobody knows.
        notify: takes a line for people whenever the pace changes, and for the first record that `where` does not fit.
        clock: the time.
    """

    def __init__(
        self,
        kinesis: "KinesisClient",
        stream: str,
        *,
        start: datetime | None = None,
        where: Where | None = None,
        pause_seconds: float = READ_SECONDS,
        consumers: ConsumersAge | None = None,
        notify: Callable[[str], None] = lambda _line: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._start = start
        self._where = where
        self._consumers = consumers
        self._notify = notify
        self._clock = clock
        self._shards = Shards(pause_seconds)
        self.seen = 0
        self.unfit = 0

    def records(self, stop: Stop) -> Iterator[Tailed]:
        """Yield user records until `stop` is set, or until the stream is gone.

        Args:
            stop: looked at between two records, and waited on between two reads.

        Raises:
            ClientError, BotoCoreError: the stream cannot be read, or has not been for two minutes.
        """
        self._begin()
        while not stop.is_set() and (cursor := self._shards.next_due()) is not None:
            if (pause := cursor.due - self._clock.monotonic()) > 0:
                if stop.wait(pause):
                    return
                continue
            answer = self._read(cursor)
            for record in answer["Records"]:
                for tailed in records_of(self._stream, cursor.shard_id, record):
                    if stop.is_set():
                        return
                    self.seen += 1
                    if self._is_meant(tailed):
                        yield tailed
            self._look_at_consumers()

    def _begin(self) -> None:
        """List the shards to begin with."""
        if self._start is None:
            begin: dict[str, Any] = {"ShardIteratorType": "LATEST"}
            shard_filter: dict[str, Any] = {"Type": "AT_LATEST"}
        else:
            begin = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self._start}
            shard_filter = {"Type": "FROM_TIMESTAMP", "Timestamp": self._start}
        self._shards.begin(list(self._list(shard_filter)), begin, self._clock.monotonic())
        self._began = datetime.fromtimestamp(self._clock.time(), UTC)
        for cursor in self._shards:  # all at once, so that what arrives in one while another is read is seen
            self._read_iterator(cursor)

    def _list(self, shard_filter: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {"StreamName": self._stream, "ShardFilter": shard_filter}
        while True:
            answer = self._patiently(partial(self._kinesis.list_shards, **request))
            yield from answer["Shards"]
            if not (token := answer.get("NextToken")):
                return
            request = {"NextToken": token}

    def _read_iterator(self, cursor: Cursor) -> None:
        begin = partial(self._kinesis.get_shard_iterator, StreamName=self._stream, ShardId=cursor.shard_id)
        cursor.iterator = self._patiently(partial(begin, **cursor.begin))["ShardIterator"]
        if cursor.begin["ShardIteratorType"] == "LATEST":  # should the iterator expire before there is a record
            cursor.begin = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self._began}

    def _read(self, cursor: Cursor) -> Mapping[str, Any]:
        """Read a shard once; an empty answer where it refuses the read."""
        try:
            if cursor.iterator is None:
                self._read_iterator(cursor)
            answer: Mapping[str, Any] = self._kinesis.get_records(
                ShardIterator=str(cursor.iterator), Limit=MAX_READ_RECORDS
            )
        except AWS_ERRORS as error:
            self._refused(cursor, error)
            return {"Records": ()}
        cursor.failing_since = None
        size = 0
        for record in answer["Records"]:
            size += len(record["Data"])
            cursor.passed(record["SequenceNumber"])
        cursor.iterator = answer.get("NextShardIterator")
        now = self._clock.monotonic()
        cursor.due = now + cursor.pace.admitted(size)
        if cursor.iterator is None:
            self._shards.ended(cursor.shard_id, answer.get("ChildShards") or (), now)
        return answer

    def _refused(self, cursor: Cursor, error: ClientError | BotoCoreError) -> None:
        """Read the shard again later, or give up.

        Raises:
            ClientError, BotoCoreError: reading again would not help.
        """
        now = self._clock.monotonic()
        if error_code(error) == "ExpiredIteratorException":  # after five minutes, such as a terminal that stood still
            cursor.iterator = None
            return
        if not is_transient(error):
            raise error
        if not is_throttling(error):
            cursor.failing_since = now if cursor.failing_since is None else cursor.failing_since
            if now - cursor.failing_since > PATIENCE_SECONDS:
                raise error
        cursor.pace.refused()
        cursor.due = now + cursor.pace.seconds
        why = "its readers ask for more than it gives" if is_throttling(error) else error_code(error)
        self._notify(f"{cursor.shard_id} refused a read ({why}): next read in {cursor.pace.seconds:g} s")

    def _look_at_consumers(self) -> None:
        if self._consumers is None or not self._consumers.grew():
            return
        for cursor in self._shards:
            cursor.pace.refused()
            cursor.due = self._clock.monotonic() + cursor.pace.seconds
        pause = max((cursor.pace.seconds for cursor in self._shards), default=0.0)
        self._notify(
            f"the stream's consumers fall behind ({self._consumers.seconds:,.0f} s): next read of each shard in "
            f"{pause:g} s"
        )

    def _is_meant(self, tailed: Tailed) -> bool:
        if self._where is None:
            return True
        try:
            return self._where.holds(tailed.document(), tailed.name)
        except SelectionError as error:
            self.unfit += 1
            if self.unfit == 1:
                self._notify(f"left out, as are others like it: {error}")
            return False

    def _patiently(self, call: Callable[[], Any]) -> Any:
        return Backoff.lasting(PATIENCE_SECONDS, self._clock).call(call)
