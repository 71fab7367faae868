"""What operators run in a simulation, by the code that the commands call: each in a process of its own."""

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config

import infra.cli.load
import infra.loading.sources
from archive.compaction.cleaning import Cleaning
from archive.compaction.job import Compaction, hours_with_events
from archive.compaction.local import LocalEngine
from archive.dead_letters.documents import Documents
from archive.dead_letters.draining import drain
from archive.dead_letters.selected import SelectedFailures
from archive.dead_letters.selection import Selection
from archive.dead_letters.stores import stores
from archive.lake.columns import arrow_schema, columns
from archive.replay.destinations import StreamDestination
from archive.replay.in_doubt import StreamSearch
from archive.replay.plan import Planner
from archive.replay.rate import Pace, Rate
from archive.replay.run import NothingSelected, Order, ReplayRun
from infra.cli.context import CommandError, Context
from infra.loading.journal import Journal
from producers.clock import SYSTEM_CLOCK
from producers.explained import Explained
from producers.retry import AWS_ERRORS
from tests.simulation.gateway import Gateway, Pool, event_of
from tests.simulation.threads import WORLD
from tests.simulation.world import World

LOADED_AT_ONCE: Final = 8  # entries in a request of `spillway load`
REPLAYED_A_SECOND: Final = 20.0
LOOK_BACK: Final = timedelta(hours=48)
OPEN_JOURNALS: Final[dict[str, list[Journal]]] = {}  # by the process that has them open


def client(service: str) -> Any:
    """A client as the commands have it."""
    config = Config(retries={"total_max_attempts": 2, "mode": "standard"})
    return boto3.client(service, config=config)  # type: ignore[call-overload] # the stubs take literal names


def carry_out(command: Callable[[], str], world: World) -> str:
    """Run a command and return its last line; an error that it explains is one as well.

    The data folder, whose name differs in every run, is `FOLDER` in it.
    """
    try:
        return command()
    except (Explained, CommandError, *AWS_ERRORS, OSError) as error:
        return f"{type(error).__name__}: {error}".replace(str(world.folder), "FOLDER")


def replay(world: World, operator: str) -> str:
    """Put back what failed, as `spillway dead-letters replay --yes --in-doubt again`."""
    names, settings, s3, kinesis = world.names, world.settings, client("s3"), client("kinesis")
    now = datetime.fromtimestamp(time.time(), UTC)
    places = stores(names.dead_letter_bucket, names.lake_bucket, timedelta(hours=settings.stream.retention_hours))
    with ThreadPoolExecutor(4, thread_name_prefix=operator) as executor:
        failures = SelectedFailures(s3, executor, places, Documents(s3, names.dead_letter_bucket))
        run = ReplayRun(
            documents=failures.documents,
            failures=failures,
            planner=Planner(failures.with_data),
            destination=StreamDestination(
                kinesis, names.stream, settings.stream.aggregate_bytes, settings.stream.partition_key
            ),
            search=StreamSearch(kinesis, names.stream, executor, SYSTEM_CLOCK),
            pace=Pace(Rate(events_per_second=REPLAYED_A_SECOND)),
        )
        selection = Selection(now - LOOK_BACK, now)
        order = Order(operator, f"host of {operator}", 1, {"from": "48h"}, selection, on_doubt="again")
        try:
            record, tally = run.carry_out(order)
        except NothingSelected:
            return "nothing failed"
    return f"replay {record.id}: {tally.put_back} put back, {dict(tally.left)} left"


def drain_queues(world: World) -> str:
    """Archive what is stuck, as `spillway dead-letters drain`."""
    names, sqs, s3, kinesis = world.names, client("sqs"), client("s3"), client("kinesis")
    drained = [
        drain(sqs, s3, kinesis, queue=queue, bucket=names.dead_letter_bucket, stream=names.stream)
        for queue in (names.dead_letter_queue, names.parked_queue)
    ]
    return ", ".join(f"{each.messages} messages drained, {each.failed} failed" for each in drained)


def compact(world: World) -> str:
    """Compact the closed hours, as `spillway compact`."""
    s3, bucket, settings = client("s3"), world.names.lake_bucket, world.settings.compaction
    end = datetime.fromtimestamp(time.time(), UTC)
    compaction = Compaction(
        s3,
        bucket,
        LocalEngine(s3, bucket, arrow_schema(columns()), folder=world.folder),
        closed_after=timedelta(minutes=settings.closed_after_minutes),
        visible_after=timedelta(seconds=settings.visible_after_seconds),
    )
    outcomes = list(compaction.run(hours_with_events(s3, bucket, end - LOOK_BACK, end)))
    Cleaning(s3, bucket).run(end - LOOK_BACK, end)
    return ", ".join(f"{each.hour} {each.what}{each.error}" for each in outcomes)


def load_files(world: World, gateway: Gateway, first: int, events: int, process: str) -> str:
    """Load two files, as `spillway load a b`, resumed where an earlier one was killed."""
    paths = [world.folder / f"load-{first}-{name}.ndjson" for name in "ab"]
    resume = paths[0].exists()
    if not resume:
        for half, path in enumerate(paths):
            numbers = range(first + half * events, first + (half + 1) * events)
            path.write_text("".join(f"{json.dumps(event_of(number))}\n" for number in numbers))
    infra.cli.load.pool = lambda: Pool(gateway)
    OPEN_JOURNALS[process] = []
    arguments = ["--url", "http://simulated", *(["--resume"] if resume else []), *map(str, paths)]
    infra.cli.load.load.main(arguments, obj=Context(), standalone_mode=False)
    return "loaded"


def close_journals(process: str) -> None:
    """Close what a killed load had open, as the kernel does: its lock on the journals goes."""
    for journal in OPEN_JOURNALS.pop(process, []):
        journal.close()


def reshard(world: World, how: str, shards: int, source: random.Random) -> str:
    """Change the stream's shards: `UpdateShardCount`, or split or merge some.

    Args:
        world: whose stream.
        how: `count`, `split` or `merge`.
        shards: with `count`, how many.
        source: draws which shard, and where it is cut.
    """
    kinesis, stream = client("kinesis"), world.names.stream
    if how == "count":
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=shards, ScalingType="UNIFORM_SCALING")
        return f"{shards} shards"
    listed = kinesis.list_shards(StreamName=stream)["Shards"]
    open_shards = [each for each in listed if "EndingSequenceNumber" not in each["SequenceNumberRange"]]
    open_shards.sort(key=lambda each: int(each["HashKeyRange"]["StartingHashKey"]))
    at = source.randrange(len(open_shards))
    chosen = open_shards[at]
    if how == "merge":
        if at + 1 == len(open_shards):
            return "nothing beside it"
        kinesis.merge_shards(
            StreamName=stream, ShardToMerge=chosen["ShardId"], AdjacentShardToMerge=open_shards[at + 1]["ShardId"]
        )
        return f"{chosen['ShardId']} merged"
    low, high = (int(chosen["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
    cut = source.randrange(low + 1, high)
    kinesis.split_shard(StreamName=stream, ShardToSplit=chosen["ShardId"], NewStartingHashKey=str(cut))
    return f"{chosen['ShardId']} split"


def install() -> None:
    """Let a load make small requests, and remember what it has open."""
    infra.loading.sources.BATCH_ENTRIES = LOADED_AT_ONCE
    opened = Journal.open

    def remembered(self: Journal) -> None:
        opened(self)
        with suppress(KeyError):
            OPEN_JOURNALS[_process()].append(self)

    Journal.open = remembered


def _process() -> str:
    return WORLD.scheduler.current.group if WORLD.scheduler and WORLD.scheduler.current else ""
