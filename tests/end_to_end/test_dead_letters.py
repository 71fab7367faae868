"""What failed is put back: from each store, by the command, with no second copy in the table or the lake."""

import json
import os
import random
import subprocess
import time
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from consumers.dead_letter import DeadLetter, Failure
from consumers.stream_batch import Source
from producers.aggregation import deaggregate
from producers.event import PoisonEvent, decode, encode
from tests.end_to_end.conftest import SPILLWAY, RunningPipeline
from tests.end_to_end.put_directly import STREAM, put_on_stream, rows
from tests.end_to_end.replayed import SECONDS, listed, running, table_and_lake
from tests.end_to_end.what_arrived import DEAD_LETTERS, LAKE, TABLE, lake_rows
from tests.events import an_event
from tests.waiting import wait_until

__all__ = ["running"]  # fixtures

MANY = 3_000
KILLS = 4


def replayed(running: RunningPipeline, *options: str) -> dict[str, Any]:
    text = running.spillway("dead-letters", "replay", "--yes", "--json", *options)
    return json.loads(text.splitlines()[-1])


def once(*numbers: int) -> Counter[str]:
    return Counter({an_event("1", number).request_id: 1 for number in numbers})


@pytest.mark.slow
def test_what_pointers_were_resolved_to_goes_to_the_table_alone(running):
    dynamodb = running.client("dynamodb")
    table = dynamodb.describe_table(TableName=TABLE)["Table"]
    dynamodb.delete_table(TableName=TABLE)
    put_on_stream(running, [encode(an_event(json.dumps({"n": n}), n)) for n in range(5)])
    wait_until(lambda: listed(running)["left"] == 5 and len(lake_rows(running)) == 5)
    (group, *_) = listed(running)["groups"]
    assert (group["error"], group["now"]) == ("RetryAttemptsExhausted", {"ready": group["count"]})

    dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=table["AttributeDefinitions"],
        KeySchema=table["KeySchema"],
        BillingMode="PAY_PER_REQUEST",
    )
    assert replayed(running)["bound"] == {"table": 5}
    wait_until(lambda: len(rows(running)) == 5)
    assert replayed(running)["selected"] == 0
    time.sleep(3)  # twice the time that Firehose holds anything: a second copy would be there by now
    assert table_and_lake(running) == (once(*range(5)), once(*range(5)))
    assert listed(running)["left"] == 0


@pytest.mark.slow
def test_the_writers_dead_letters_and_the_transforms_errors_are_edited_and_go_each_to_its_own_place(running):
    put_on_stream(running, [b"poison", encode(an_event(json.dumps({"big": "x" * 410_000}), 7))])
    wait_until(lambda: listed(running)["left"] == 3)
    assert {(g["stage"], g["error"]) for g in listed(running)["groups"]} == {
        ("table_writer", "PoisonEvent"),
        ("table_writer", "ItemTooLarge"),
        ("processing-failed", "Lambda.ProcessingFailedStatus"),
    }
    rehearsed = running.spillway("dead-letters", "replay", "--set", "/payload=0")
    assert '-  "payload": "poison"' in rehearsed
    assert "1 for the lake alone, 2 for the table alone" in rehearsed
    assert "Nothing was put back" in rehearsed
    assert table_and_lake(running) == (Counter(), once(7))

    assert replayed(running, "--set", "/payload=0")["bound"] == {"table": 2, "lake": 1}
    wait_until(lambda: sum(map(Counter.total, table_and_lake(running))) == 4)
    time.sleep(3)  # as above
    in_table, in_lake = table_and_lake(running)
    assert in_table == in_lake
    assert set(in_table.values()) == {1}
    assert {row["payload"]["N"] for row in rows(running)} == {"0"}
    assert listed(running)["left"] == 0


@pytest.mark.slow
def test_rows_that_could_not_be_converted_go_to_the_lake_alone(running):
    glue = running.client("glue")
    table = glue.get_table(DatabaseName="spillway_local", Name="events_landing")["Table"]
    glue.delete_table(DatabaseName="spillway_local", Name="events_landing")
    events = [an_event(json.dumps({"n": n, "price": "1.10"}), n) for n in range(4)]
    put_on_stream(running, [encode(event) for event in events])
    wait_until(lambda: listed(running)["left"] == 4 and len(rows(running)) == 4)
    assert {group["stage"] for group in listed(running)["groups"]} == {"format-conversion-failed"}

    kept = ("Name", "TableType", "PartitionKeys", "StorageDescriptor", "Parameters")
    glue.create_table(DatabaseName="spillway_local", TableInput={name: table[name] for name in kept if name in table})
    assert replayed(running)["bound"] == {"lake": 4}
    wait_until(lambda: len(lake_rows(running)) == 4)
    time.sleep(1)  # as above
    assert table_and_lake(running) == (once(*range(4)), once(*range(4)))
    assert sorted(row["payload"] for row in lake_rows(running)) == sorted(event.payload.text for event in events)
    assert listed(running)["left"] == 0


@pytest.mark.slow
def test_poison_that_stays_poison_comes_back_with_its_replays_counted_and_never_by_itself(running):
    put_on_stream(running, [b"poison"])
    wait_until(lambda: listed(running)["left"] == 2)
    for replays in (1, 2, 3):
        assert replayed(running, "--into", "raw", "--from", f"{replays}h")["put_back"] == 1
        wait_until(lambda: Counter(_replays(running))[replays] == 1)  # noqa: B023 (called at once)
    refused = replayed(running, "--into", "raw")
    assert (refused["put_back"], refused["left"]["put back too often"]) == (0, 1)
    assert replayed(running, "--into", "raw", "--force")["put_back"] == 1
    wait_until(lambda: 4 in _replays(running))
    time.sleep(2)  # a loop would go round in this time
    assert sorted(_replays(running)) == [0, 1, 2, 3, 4]
    assert table_and_lake(running) == (Counter(), Counter())


def _replays(running: RunningPipeline) -> list[int]:
    """Of every dead letter in the archive."""
    s3 = running.client("s3")
    found = s3.list_objects_v2(Bucket=DEAD_LETTERS, Prefix="dead-letters/").get("Contents", [])
    bodies = [s3.get_object(Bucket=DEAD_LETTERS, Key=each["Key"])["Body"].read().decode() for each in found]
    return [DeadLetter.from_json(line).replays for body in bodies for line in body.splitlines()]


def test_past_the_stream_straight_into_the_table(running):
    archive(running, 3)
    assert replayed(running, "--into", "table")["put_back"] == 3
    assert table_and_lake(running) == (once(*range(3)), Counter())


def archive(running: RunningPipeline, count: int) -> None:
    """Put dead letters of events that would pass into the archive, 50 an object."""
    now = time.gmtime()
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    source = Source(STREAM, "shardId-000000000000", "1", 0, "k", at)
    lines = [
        DeadLetter("table_writer", at, Failure("Throttling", "x"), 1, source, encode(an_event(f"{n}", n))).to_json()
        for n in range(count)
    ]
    s3 = running.client("s3")
    prefix = time.strftime("dead-letters/dt=%Y-%m-%d/hour=%H", now)
    for number in range(0, count, 50):
        s3.put_object(
            Bucket=DEAD_LETTERS, Key=f"{prefix}/{number:06d}.json", Body="\n".join(lines[number : number + 50]).encode()
        )


def holder(running: RunningPipeline) -> int | None:
    """The process that has the lease."""
    try:
        lock = running.client("s3").get_object(Bucket=DEAD_LETTERS, Key="replays/lock.json")
    except ClientError:
        return None
    held = json.load(lock["Body"])["holder"]
    return held and held["pid"]


def on_stream(running: RunningPipeline) -> Counter[str]:
    """How often each event was put on the stream, by its request id."""
    kinesis = running.client("kinesis")
    found: Counter[str] = Counter()
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                for user in deaggregate(record["PartitionKey"], record["Data"]):
                    try:
                        found[decode(user.data).request_id] += 1
                    except PoisonEvent:
                        found["poison"] += 1
            if not answer["Records"] and not answer["MillisBehindLatest"]:
                break
            iterator = answer["NextShardIterator"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_and_run_again_every_event_is_put_back_once(running, seed):
    chance = random.Random(seed)
    archive(running, MANY)
    command = [SPILLWAY, "dead-letters", "replay", "--yes", "--rate", "600", "--json"]
    environment = {**os.environ, **running.environment}
    kills = 0
    for attempt in range(KILLS + 1):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: process.poll() is not None or holder(running) == process.pid)  # noqa: B023 (called at once)
        try:
            process.wait(chance.uniform(0, 3.5) if attempt < KILLS else SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        out, error = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -9, out + error
    record = json.loads(running.spillway("dead-letters", "history", "--json"))[-1]
    assert on_stream(running) == once(*range(MANY))
    assert kills > 1
    assert (record["state"], record["put_back"]) == ("finished", MANY)
    wait_until(lambda: len(rows(running)) == MANY)
    assert lake_rows(running) == []


def test_mistakes_are_reported_in_one_line(running):
    for arguments, status, words in [
        (("list", "--from", "yesterday"), 2, "is not a time"),
        (("list", "--where", "a =="), 2, "--where is not a JMESPath"),
        (("show", "nothing"), 1, "is not the name of a failure"),
        (("show", "dead-letters/x.json"), 1, "there is no object"),
        (("replay", "--error", "Typo", "--yes"), 1, "no failure matches these options"),
        (("discard", "--error", "Typo", "--yes"), 1, "--error Typo"),
        (("replay", "--set", "x"), 2, "such as /payload/user_id=42"),
        (("replay", "--into", "raw", "--set", "/payload=1"), 2, "leave out --set, --jq and --python"),
        (("replay", "--into", "lake"), 2, "is not one of 'stream', 'table', 'raw'"),
        (("replay", "--to", "raw"), 2, "'raw' is not a time"),
    ]:
        done = subprocess.run(
            [SPILLWAY, "dead-letters", *arguments],
            env={**os.environ, **running.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert json.loads(running.spillway("dead-letters", "history", "--json")) == []


def test_what_is_discarded_is_left_out_from_then_on(running):
    archive(running, 3)
    assert "3 failures would be discarded" in running.spillway("dead-letters", "discard")
    assert listed(running)["left"] == 3
    assert "3 failures discarded" in running.spillway("dead-letters", "discard", "--yes")
    assert (listed(running)["left"], listed(running, "--all")["settled"]) == (0, 3)
    assert "3 discarded" in running.spillway("dead-letters", "history")


def test_what_is_stuck_in_the_queues_is_drained_to_the_archive(running):
    sqs = running.client("sqs")
    parked = sqs.get_queue_url(QueueName="spillway-local-dead-letters-parked")["QueueUrl"]
    source = Source(STREAM, "shardId-000000000000", "1", 0, "k", "2026-11-23T02:34:56.987Z")
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    letter = DeadLetter("table_writer", at, Failure("Throttling", "x"), 1, source, encode(an_event("1", 3)))
    sqs.send_message(QueueUrl=parked, MessageBody=letter.to_json())
    drained = json.loads(running.spillway("dead-letters", "drain", "--json"))
    assert [(each["queue"], each["messages"], each["letters"]) for each in drained] == [
        ("spillway-local-dead-letters", 0, 0),
        ("spillway-local-dead-letters-parked", 1, 1),
    ]
    assert listed(running)["groups"][0]["now"] == {"ready": 1}
    assert "1 message archived" not in running.spillway("dead-letters", "drain", "--queue", "parked")
    assert LAKE  # the stores of Firehose are listed along, empty as they are
