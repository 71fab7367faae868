"""A stream, buckets with failures in them, and replays of them, which can be killed at any call of AWS."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

import boto3
from botocore.config import Config

from archive.dead_letters.documents import Documents
from archive.dead_letters.selected import SelectedFailures
from archive.dead_letters.selection import Selection
from archive.dead_letters.stores import stores
from archive.replay.destinations import StreamDestination
from archive.replay.editing import Edit
from archive.replay.in_doubt import StreamSearch
from archive.replay.journal import Record
from archive.replay.lock import KEY as LEASE_KEY
from archive.replay.plan import Decides, Planner, Tally
from archive.replay.rate import Pace, Rate
from archive.replay.run import Order, ReplayRun, newest_first
from consumers.dead_letter import DeadLetter, Failure
from consumers.stream_batch import Source
from producers.aggregation import deaggregate
from producers.event import Event, PoisonEvent, decode, encode
from tests.clock import FakeClock
from tests.events import an_event

STREAM, DEAD, LAKE = "spillway-local-events", "dead", "lake"
FAILED_AT = datetime(2026, 11, 23, 2, 35, tzinfo=UTC)
SELECTION = Selection(FAILED_AT - timedelta(hours=2), FAILED_AT + timedelta(hours=2))
OPTIONS = {"from": "00:35", "to": "04:35"}


class Killed(BaseException):
    """The process is gone; nothing catches this."""


class Trap:
    """Kills the process, as it were, at its nth call of AWS: before the call has an effect, or after it had one.

    Every call that comes later fails likewise: a process that is gone makes none.
    """

    def __init__(self, at: int | None = None, *, before: bool = True) -> None:
        self.calls = 0
        self._at = at
        self._before = before
        self._sprung = False
        self._lock = threading.Lock()

    def watch(self, client: Any) -> None:
        events = client.meta.events
        events.register_first("before-call.*", self._before_call)
        events.register_last("after-call.*", self._after_call)

    def _before_call(self, context: dict[str, Any], **_: Any) -> None:
        with self._lock:
            number = context["number"] = self.calls
            self.calls += 1
            self._sprung |= self._before and number == self._at
            if self._sprung:
                raise Killed(number)

    def _after_call(self, context: dict[str, Any], **_: Any) -> None:
        with self._lock:
            self._sprung |= not self._before and context["number"] == self._at
            if self._sprung:
                raise Killed(context["number"])


class Suspension:
    """Suspends the process, as it were, once: at its nth call of AWS, before the call is made or after its answer.

    Args:
        at: the number of the call.
        before: whether before it.
        meanwhile: what others do until the process goes on.
    """

    def __init__(self, at: int, meanwhile: Callable[[], object], *, before: bool) -> None:
        self.calls = 0
        self.operations: list[str] = []
        self._at = at
        self._before = before
        self._meanwhile = meanwhile
        self._lock = threading.Lock()

    def watch(self, client: Any) -> None:
        client.meta.events.register_first("before-call.*", self._before_call)
        client.meta.events.register_last("after-call.*", self._after_call)

    def _before_call(self, model: Any, context: dict[str, Any], **_: Any) -> None:
        with self._lock:
            number = context["number"] = self.calls
            self.calls += 1
            self.operations.append(model.name)
            if number == self._at and self._before:
                self._meanwhile()

    def _after_call(self, context: dict[str, Any], **_: Any) -> None:
        with self._lock:  # the threads of the process stand still, all of them
            if context["number"] == self._at and not self._before:
                self._meanwhile()


class ServiceTime:
    """Has the services answer at the time of a test's clock, which is not the clock of who replays.

    Args:
        clock: of the services.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._lease_written_at = 0.0

    def watch(self, client: Any) -> None:
        events = client.meta.events
        events.register_first("before-call.s3.*", self._note_key)
        events.register_last("after-call.s3.PutObject", self._after_put)
        events.register_last("after-call.s3.GetObject", self._after_get)
        events.register_last("after-call.kinesis.DescribeStreamSummary", self._set_date)

    def _note_key(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["is_lease"] = str(params["url_path"]).endswith(LEASE_KEY)

    def _after_put(self, context: dict[str, Any], parsed: dict[str, Any], **_: Any) -> None:
        if context["is_lease"] and "ETag" in parsed:
            self._lease_written_at = self._clock.time()

    def _after_get(self, context: dict[str, Any], parsed: dict[str, Any], **_: Any) -> None:
        self._set_date(parsed)
        if context["is_lease"] and "LastModified" in parsed:
            parsed["LastModified"] = datetime.fromtimestamp(int(self._lease_written_at), UTC)

    def _set_date(self, parsed: dict[str, Any], **_: Any) -> None:
        parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = formatdate(self._clock.time(), usegmt=True)


class InTurn(Executor):
    """Runs what is submitted at once, on the thread that submits it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it; the future is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 (the future carries it, as an executor's does)
            future.set_exception(error)
        return future


class ReplayUnderTest:
    """An environment; moto must be active.

    Args:
        name: differs from the others' in the same moto.
        exists: whether another process made it already.
    """

    def __init__(self, name: str = "", *, exists: bool = False) -> None:
        self.stream, self.dead, self.lake = STREAM + name, DEAD + name, LAKE + name
        self.clock = FakeClock(datetime.now(UTC).timestamp())
        self.kinesis = boto3.client("kinesis")
        self.s3 = boto3.client("s3")
        if not exists:
            self.kinesis.create_stream(StreamName=self.stream, ShardCount=2)
        for bucket in () if exists else (self.dead, self.lake):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        self.documents = Documents(self.s3, self.dead, self.clock)
        self.service_time = ServiceTime(self.clock)
        self.pids = 0

    def archive(self, name: str, *letters: DeadLetter) -> str:
        """Put an object of dead letters into the archive; its key."""
        key = f"dead-letters/dt=2026-11-23/hour=02/{name}.json"
        self.s3.put_object(
            Bucket=self.dead, Key=key, Body="".join(f"{letter.to_json()}\n" for letter in letters).encode()
        )
        return key

    def replay(
        self,
        trap: Trap | Suspension | None = None,
        *,
        edit: Edit | None = None,
        raw: bool = False,
        force: bool = False,
        again: bool = False,
        on_doubt: Any = "ask",
        rate: Rate | None = None,
        kinesis: Any = None,
        stop: Callable[[], bool] = lambda: False,
        operator: str = "ann",
        selection: Selection = SELECTION,
        options: dict[str, Any] | None = None,
        clock: FakeClock | None = None,
        planner: Decides | None = None,
    ) -> tuple[Record, Tally]:
        """Run a replay in a process of its own, as it were."""
        self.pids += 1
        once = Config(retries={"total_max_attempts": 1})
        s3, own_kinesis = boto3.client("s3", config=once), kinesis or boto3.client("kinesis", config=once)
        for client in (s3, own_kinesis):
            self.service_time.watch(client)
            if trap is not None:
                trap.watch(client)
        clock = clock or self.clock
        documents = Documents(s3, self.dead, clock)
        # A process that is suspended stands still as a whole, so its reading ahead must not go on beside it.
        with InTurn() if isinstance(trap, Suspension) else ThreadPoolExecutor(4) as executor:
            failures = SelectedFailures(s3, executor, stores(self.dead, self.lake, timedelta(hours=24)), documents)
            run = ReplayRun(
                documents=documents,
                failures=failures,
                planner=planner or Planner(failures.with_data, edit, "raw" if raw else "stream", force=force),
                destination=StreamDestination(own_kinesis, self.stream, 2_000, raw=raw, clock=clock),
                search=StreamSearch(own_kinesis, self.stream, executor, clock),
                pace=Pace(rate or Rate(), clock),
                clock=clock,
                stop=stop,
            )
            order = Order(
                operator,
                "host",
                2**22 + self.pids,  # of no process: a pid is below 2**22
                OPTIONS if options is None else options,
                selection,
                edit.as_written if edit else (),
                again,
                on_doubt,
            )
            return run.carry_out(order)

    def journals(self) -> list[Record]:
        return list(newest_first(self.documents))[::-1]

    def on_stream(self) -> list[bytes]:
        """Every user record that was put."""
        found = []
        for shard in self.kinesis.list_shards(StreamName=self.stream)["Shards"]:
            iterator = self.kinesis.get_shard_iterator(
                StreamName=self.stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for record in self.kinesis.get_records(ShardIterator=iterator)["Records"]:
                found += [user.data for user in deaggregate(record["PartitionKey"], record["Data"])]
        return found

    def events(self) -> list[Event]:
        return [decode(data) for data in self.on_stream()]

    def counts(self) -> Counter[str]:
        """How often each was put, by request id or by the bytes."""
        counts: Counter[str] = Counter()
        for data in self.on_stream():
            try:
                counts[decode(data).request_id] += 1
            except PoisonEvent:
                counts[data.decode()] += 1
        return counts


def a_letter(number: int, payload: str | None = None, *, data: bytes | None = None, **fields: Any) -> DeadLetter:
    """The dead letter of an event whose key follows from its number; it would pass now."""
    event = encode(an_event(payload or f'{{"n":{number}}}', number)) if data is None else data
    values: dict[str, Any] = {
        "stage": "table_writer",
        "failed_at": FAILED_AT.isoformat(),
        "error": Failure("ThrottlingException", "too fast"),
        "attempts": 1,
        "source": Source(STREAM, "shardId-000000000000", str(1000 + number), 0, "k", "2026-11-23T02:34:56.987Z"),
        "data": event,
    }
    return DeadLetter(**{**values, **fields})


def request_id(number: int) -> str:
    return an_event("1", number).request_id
