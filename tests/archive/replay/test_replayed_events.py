"""What the pipeline does with events that were put back: to the place they are bound for, and no second copy."""

import base64

from archive.dead_letters.failures import read_conversion_failed
from archive.firehose_transform import handler as transform
from producers.event import decode, encode
from producers.replay_mark import ReplayMark
from tests.archive.archiving import a_pointer, archive, archived, archiver, put
from tests.archive.dead_letters.error_objects import conversion_failed
from tests.consumers.written import dead_letters, records, rows, writer
from tests.events import Context, an_event

__all__ = ["archiver", "writer"]  # fixtures

TOO_LARGE = f'"{"x" * 410_000}"'


def marked(bound: str | None, number: int = 0, payload: str = "1", count: int = 1) -> bytes:
    return encode(an_event(payload, number, replay=ReplayMark(bound, count, f"id/{number}")))  # type: ignore[arg-type]


def transformed(*datas: bytes) -> list[dict]:
    given = [{"recordId": str(n), "data": base64.b64encode(data).decode()} for n, data in enumerate(datas)]
    return transform({"records": given}, Context())["records"]


def test_the_transform_drops_what_is_bound_for_the_table_alone():
    answers = transformed(marked("table"), marked("lake", 1), marked(None, 2), encode(an_event("1", 3)))
    assert [answer["result"] for answer in answers] == ["Dropped", "Ok", "Ok", "Ok"]


def test_a_row_that_cannot_be_converted_still_shows_how_often_its_event_was_put_back():
    event = an_event('{"n":1.10}', 5, trace=None, replay=ReplayMark("lake", 2, "id/5"))
    (answer,) = transformed(encode(event))
    failed = read_conversion_failed("key", 0, conversion_failed(base64.b64decode(answer["data"])))
    assert failed.replays == 2
    assert failed.data == encode(an_event('{"n":1.10}', 5, trace=None))


def test_the_table_writer_lets_pass_what_is_bound_for_the_lake_alone(writer):
    batch = records(marked("lake"), marked("table", 1), marked(None, 2), encode(an_event("1", 3)))
    assert writer.handler(batch, Context()) == {"batchItemFailures": []}
    assert rows() == 3


def test_the_dead_letter_of_an_event_that_was_put_back_says_how_often(writer):
    raw = ReplayMark(None, 2, "id/9").to_partition_key()
    batch = records(marked("table", 1, TOO_LARGE, count=3), encode(an_event(TOO_LARGE, 2)), b"poison")
    batch["Records"][2]["kinesis"]["partitionKey"] = raw
    writer.handler(batch, Context())
    replays = {letter.source.sequence_number: letter.replays for letter in dead_letters(writer)}
    assert replays == {"1000": 3, "1001": 0, "1002": 2}


def test_a_pointer_is_not_resolved_to_what_is_bound_for_the_lake_alone(archiver):
    numbers = put(marked("lake", 0), marked("table", 1, count=2), encode(an_event("1", 2)))
    archive(archiver, a_pointer(numbers[0], numbers[2], 3))
    (letters,) = archived().values()
    assert [(decode(letter.data or b"").request_id[-1], letter.replays) for letter in letters] == [("1", 2), ("2", 0)]


def test_the_letters_of_a_pointer_failed_when_the_mapping_gave_up(archiver):
    numbers = put(b"0")
    archive(archiver, a_pointer(numbers[0], numbers[0], 1))
    (letters,) = archived().values()
    assert letters[0].failed_at == "2026-11-23T02:34:56.021Z"
