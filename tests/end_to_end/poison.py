"""Poison among good events: where each of them ends, in any deployment of the pipeline."""

import base64
import json
from dataclasses import replace

from consumers.dead_letter import DeadLetter
from producers.event import encode
from tests.end_to_end.conftest import RunningPipeline
from tests.end_to_end.put_directly import put_on_stream, rows
from tests.end_to_end.what_arrived import DEAD_LETTERS, LAKE, lake_rows
from tests.events import an_event


def objects(running: RunningPipeline, bucket: str, prefix: str = "") -> list[bytes]:
    s3 = running.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    return [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]


def dead_letters(running: RunningPipeline) -> list[DeadLetter]:
    bodies = objects(running, DEAD_LETTERS, "dead-letters/")
    letters = [DeadLetter.from_json(line) for body in bodies for line in body.decode().splitlines()]
    return [letter if letter.data_ref is None else with_data(running, letter) for letter in letters]


def with_data(running: RunningPipeline, letter: DeadLetter) -> DeadLetter:
    """A letter whose bytes were too large for a message, with them."""
    assert letter.data_ref is not None
    bucket, _, key = letter.data_ref.removeprefix("s3://").partition("/")
    return replace(letter, data=running.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def check_poison_among_good_events(pipeline: RunningPipeline) -> None:
    """Poison costs no good event of its batches, and is kept byte for byte."""
    good = [encode(an_event(json.dumps({"n": n}), n)) for n in range(1000)]
    too_large = encode(an_event(json.dumps("x" * 410_624), 5000))
    poison = [bytes([n, 255 - n]) + b"not an event" for n in range(48)] + [b"\xf3\x89\x9a\xc2broken", too_large]
    mixed = list(good)
    for n, data in enumerate(poison):
        mixed.insert(n * 21, data)
    put_on_stream(pipeline, mixed)
    # What is too large for the table is an event all the same, and good for the lake.
    pipeline.wait_until_drained(table_writer=1000, dead_letter_archiver=50, firehose=1001)

    assert sorted(letter.data or b"" for letter in dead_letters(pipeline)) == sorted(poison)
    assert {json.dumps(row["payload"]["M"]["n"]["N"]) for row in rows(pipeline)} == {f'"{n}"' for n in range(1000)}
    assert len(rows(pipeline)) == 1000
    assert len(lake_rows(pipeline)) == 1001
    errors = [json.loads(line) for body in objects(pipeline, LAKE, "firehose-errors/") for line in body.splitlines()]
    assert sorted(base64.b64decode(error["rawData"]) for error in errors) == sorted(set(poison) - {too_large})
    assert {error["errorCode"] for error in errors} == {"Lambda.ProcessingFailedStatus"}
    assert objects(pipeline, DEAD_LETTERS, "claims/") == [too_large]
    assert len(objects(pipeline, DEAD_LETTERS)) == len(objects(pipeline, DEAD_LETTERS, "dead-letters/")) + 1
