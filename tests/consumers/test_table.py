"""Writing rows, while any part of it fails."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from consumers import table as table_module
from consumers.row import MAX_ITEM_BYTES, row_of
from consumers.stream_batch import Poison, Received, decode_batch
from consumers.table import EventTable, TableUnavailable, WriteOutcome
from producers.event import Event, encode
from tests.aws_errors import aws_error
from tests.clock import FakeClock
from tests.consumers.fake_dynamodb import FakeDynamoDB
from tests.events import an_event, kinesis_record


def received(events: list[Event]) -> list[Received]:
    return decode_batch([kinesis_record(encode(event), n) for n, event in enumerate(events)]).received


def write(
    dynamodb: FakeDynamoDB, events: list[Event], seconds: float = 10.0, ttl_seconds: int | None = None
) -> WriteOutcome:
    clock = FakeClock()
    with ThreadPoolExecutor(1) as executor:
        table = EventTable(
            dynamodb.batch_write_item, "events", executor, ttl_seconds=ttl_seconds, clock=clock, jitter=lambda: 0.5
        )
        return table.write(received(events), clock.monotonic() + seconds)


def numbered(count: int) -> list[Event]:
    return [an_event(f'"{n}"', n) for n in range(count)]


def test_rows_are_written_twenty_five_to_a_call():
    dynamodb = FakeDynamoDB()
    outcome = write(dynamodb, numbered(60))
    assert dynamodb.calls == [25, 25, 10]
    assert len(dynamodb.items) == len(outcome.written) == 60


def test_large_rows_make_smaller_calls():
    dynamodb = FakeDynamoDB()
    write(dynamodb, [an_event(f'"{"x" * 390_000}"', n) for n in range(12)])
    assert dynamodb.calls == [5, 5, 2]


def test_two_deliveries_of_an_event_are_one_row_and_both_are_written():
    dynamodb = FakeDynamoDB()
    outcome = write(dynamodb, [an_event("1"), an_event("2", 1), an_event("1")])
    assert dynamodb.calls == [2]
    assert len(outcome.written) == 3


def test_only_what_was_left_unprocessed_is_written_again():
    dynamodb = FakeDynamoDB((10, 3))
    outcome = write(dynamodb, numbered(25))
    assert dynamodb.calls == [25, 10, 3]
    assert len(dynamodb.items) == len(outcome.written) == 25


CUT_ANSWERS = {
    "nothing": {},
    "null": {"UnprocessedItems": None},
    "an item that was not sent": {"UnprocessedItems": {"events": [{"PutRequest": {"Item": {
        "timestamp": {"S": "x"}, "request_id": {"S": "y"}}}}]}},
}  # fmt: skip


@pytest.mark.parametrize("cut", CUT_ANSWERS.values(), ids=CUT_ANSWERS)
def test_an_answer_that_was_cut_never_counts_as_written(cut):
    class Cutting(FakeDynamoDB):
        cuts = 2

        def batch_write_item(self, body):
            if self.cuts == 0:
                return super().batch_write_item(body)
            self.cuts -= 1
            return cut

    dynamodb = Cutting()
    assert len(write(dynamodb, numbered(3)).written) == 3
    assert len(dynamodb.items) == 3
    dynamodb.cuts = 1000
    outcome = write(dynamodb, numbered(3), seconds=2)
    assert (outcome.written, len(outcome.unwritten)) == ([], 3)


@pytest.mark.parametrize(("rows", "calls"), [(24, [24]), (25, [25]), (26, [25, 1])])
def test_a_call_takes_twenty_five_rows(rows, calls):
    dynamodb = FakeDynamoDB()
    write(dynamodb, numbered(rows))
    assert dynamodb.calls == calls


@pytest.mark.parametrize(("spare", "calls"), [(1, [2]), (0, [2]), (-1, [1, 1])])
def test_a_call_takes_two_mebibytes(monkeypatch, spare, calls):
    events = [an_event('"a"'), an_event('"b"', 1)]
    size = sum(row_of(event).size for event in events)
    assert table_module.MAX_CALL_BYTES == 2_097_152
    monkeypatch.setattr(table_module, "MAX_CALL_BYTES", size + spare)
    dynamodb = FakeDynamoDB()
    write(dynamodb, events)
    assert dynamodb.calls == calls


@pytest.mark.parametrize(("over", "poison"), [(-1, 0), (0, 0), (1, 1)])
def test_an_item_of_400_kib_is_the_largest(over, poison):
    assert MAX_ITEM_BYTES == 409_600
    native = row_of(an_event('""')).size
    payload = '"' + "x" * (MAX_ITEM_BYTES - native + over) + '"'
    outcome = write(FakeDynamoDB(), [an_event(payload)])
    assert (len(outcome.written), len(outcome.poison)) == (1 - poison, poison)


def test_what_is_still_unprocessed_when_time_is_up_is_unwritten():
    dynamodb = FakeDynamoDB((5,) * 100)
    outcome = write(dynamodb, numbered(25), seconds=5)
    assert (len(outcome.written), len(outcome.unwritten), outcome.poison) == (20, 5, [])
    assert 3 < len(dynamodb.calls) < 20


@pytest.mark.parametrize(
    "error",
    [
        aws_error("ProvisionedThroughputExceededException"),
        aws_error("ThrottlingException"),
        aws_error("RequestLimitExceeded"),
        aws_error("InternalServerError", 500),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        ConnectTimeoutError(endpoint_url="https://dynamodb"),
    ],
)
def test_a_call_that_may_work_later_is_made_again(error):
    dynamodb = FakeDynamoDB((error, error))
    assert len(write(dynamodb, numbered(3)).written) == 3


@pytest.mark.parametrize(
    "code",
    ["ResourceNotFoundException", "AccessDeniedException", "KMSAccessDeniedException", "UnrecognizedClientException"],
)
def test_where_nothing_can_be_written_the_invocation_fails(code):
    with pytest.raises(TableUnavailable, match=code):
        write(FakeDynamoDB((aws_error(code),)), numbered(3))


def test_an_item_over_400_kb_is_poison_and_costs_no_call():
    dynamodb = FakeDynamoDB()
    outcome = write(dynamodb, [an_event("1"), an_event(f'"{"x" * 410_624}"', 1), an_event("3", 2)])
    assert len(dynamodb.items) == 2
    assert [poison.error_type for poison in outcome.poison] == ["ItemTooLarge"]
    assert "410," in outcome.poison[0].error_message


def test_an_item_that_makes_a_call_invalid_is_poison_and_the_others_are_written():
    dynamodb = FakeDynamoDB(refused=("7", "19"))
    outcome = write(dynamodb, numbered(25))
    assert len(dynamodb.items) == len(outcome.written) == 23
    assert [poison.error_type for poison in outcome.poison] == ["ValidationException"] * 2
    assert sorted(poison.source.sequence_number for poison in outcome.poison) == ["1007", "1019"]


def test_a_refused_item_is_archived_with_its_bytes_and_the_reason():
    (poison,) = write(FakeDynamoDB(refused=("7",)), numbered(8)).poison
    assert (poison.data, poison.error_type) == (encode(an_event('"7"', 7)), "ValidationException")
    assert "an item is invalid" in poison.error_message


def test_a_row_that_is_throttled_while_invalid_ones_are_looked_for_is_unwritten_when_time_is_up():
    dynamodb = FakeDynamoDB((aws_error("ValidationException"), *[aws_error("Throttling")] * 1000))
    outcome = write(dynamodb, numbered(1), seconds=2)
    assert (outcome.written, len(outcome.unwritten), outcome.poison) == ([], 1, [])


def test_an_item_written_as_text_expires_as_every_other_one():
    dynamodb = FakeDynamoDB(refused=("native",))
    write(dynamodb, numbered(1), ttl_seconds=60)
    (item,) = dynamodb.items.values()
    assert {"payload_json", "expires_at"} <= item.keys()


def test_an_item_refused_as_native_value_is_written_as_text():
    dynamodb = FakeDynamoDB(refused=("native",))
    assert len(write(dynamodb, numbered(5)).written) == 5
    assert {"payload_json"} <= set().union(*dynamodb.items.values())


STEPS = st.one_of(
    st.integers(0, 25), st.sampled_from([aws_error("ThrottlingException"), aws_error("InternalServerError", 500)])
)


@given(
    st.lists(st.integers(0, 40), max_size=80),
    st.lists(STEPS, max_size=12),
    st.sets(st.integers(0, 40)),
    st.floats(0, 3),
)
def test_written_unwritten_and_poison_are_what_went_in(numbers, script, refused, seconds):
    dynamodb = FakeDynamoDB(tuple(script), tuple(str(n) for n in refused))
    events = [an_event(f'"{n}"', n) for n in numbers]
    outcome = write(dynamodb, events, seconds)
    settled: list[Received | Poison] = [*outcome.written, *outcome.unwritten, *outcome.poison]
    places = [record.source.sequence_number for record in settled]
    assert sorted(places) == sorted(str(1000 + n) for n in range(len(events)))
    assert {(r.event.timestamp, r.event.request_id) for r in outcome.written} <= set(dynamodb.items)
    assert {numbers[int(p.source.sequence_number) - 1000] for p in outcome.poison} <= refused
