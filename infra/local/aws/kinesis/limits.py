"""The throughput limits of one shard, counted on a clock that is passed in."""

from producers.clock import Clock

# Kinesis quotas per shard (Kinesis Data Streams developer guide, "Quotas and limits", 2026).
WRITE_RECORDS_PER_SECOND = 1_000
WRITE_BYTES_PER_SECOND = 1024 * 1024  # data and partition keys
READ_BYTES_PER_SECOND = 2 * 1024 * 1024
GET_RECORDS_PER_SECOND = 5
GET_SHARD_ITERATOR_PER_SECOND = 5

ROUNDING = 1e-6  # share of a bucket forgiven, for what floating-point seconds lose


class TokenBucket:
    """A second's worth of something, refilled continuously.

    Args:
        per_second: how much it holds, and how much flows in each second.
        clock: only its `monotonic` is used.
    """

    __slots__ = ("_clock", "_filled_at", "_tokens", "per_second")

    def __init__(self, per_second: float, clock: Clock) -> None:
        self.per_second = per_second
        self._clock = clock
        self._tokens = per_second
        self._filled_at = clock.monotonic()

    def has(self, amount: float) -> bool:
        """Whether `amount` may be taken now; for what is larger than the bucket, a full bucket will do."""
        now = self._clock.monotonic()
        elapsed = max(0.0, now - self._filled_at)
        self._tokens = min(self.per_second, self._tokens + elapsed * self.per_second)
        self._filled_at = now
        return self._tokens + self.per_second * ROUNDING >= min(amount, self.per_second)

    def take(self, amount: float) -> None:
        """Take `amount`, going into debt where it is larger than what there is."""
        self._tokens -= amount

    def seconds_until_full(self) -> float:
        """How long until the bucket is as full as it gets, from when it was last looked into."""
        return (self.per_second - self._tokens) / self.per_second

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, as of when it was last looked into."""
        return self._tokens <= self.per_second * ROUNDING


class ShardLimits:
    """What one shard takes and gives within a second; each question that is answered yes is counted."""

    __slots__ = ("_clock", "_iterators", "_read_bytes", "_read_pause_until", "_reads", "_write_bytes", "_write_records")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._write_records = TokenBucket(WRITE_RECORDS_PER_SECOND, clock)
        self._write_bytes = TokenBucket(WRITE_BYTES_PER_SECOND, clock)
        self._reads = TokenBucket(GET_RECORDS_PER_SECOND, clock)
        self._read_bytes = TokenBucket(READ_BYTES_PER_SECOND, clock)
        self._iterators = TokenBucket(GET_SHARD_ITERATOR_PER_SECOND, clock)
        self._read_pause_until = clock.monotonic()

    def admits_record(self, size_bytes: int) -> bool:
        """Whether one more record of this size, partition key included, may be written now."""
        if not (self._write_records.has(1) and self._write_bytes.has(size_bytes)):
            return False
        self._write_records.take(1)
        self._write_bytes.take(size_bytes)
        return True

    def admits_read(self) -> bool:
        """Whether GetRecords may be called now."""
        if self._clock.monotonic() < self._read_pause_until or not self._reads.has(1):
            return False
        self._reads.take(1)
        return True

    def count_read(self, size_bytes: int) -> None:
        """Count what a GetRecords call returned; from 2 MiB on the calls that follow are refused for a while.

        The while is as long as it takes to make up for it: 5 seconds after 10 MiB, 1 second after 2 MiB, as the
        documentation of GetRecords has it.
        """
        self._read_bytes.has(0)
        self._read_bytes.take(size_bytes)
        if self._read_bytes.is_empty:
            self._read_pause_until = self._clock.monotonic() + self._read_bytes.seconds_until_full()

    def admits_iterator(self) -> bool:
        """Whether GetShardIterator may be called now."""
        if not self._iterators.has(1):
            return False
        self._iterators.take(1)
        return True
