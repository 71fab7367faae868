"""The mark of events that were put back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.event import PoisonEvent, decode, encode
from producers.exact_json import parse
from producers.replay_mark import MAX_REPLAYS, ReplayMark, mark_of_partition_key, read_mark
from tests.events import an_event

MARKS = st.builds(
    ReplayMark,
    bound=st.sampled_from(["table", "lake", None]),
    count=st.integers(1, MAX_REPLAYS),
    token=st.text(min_size=1, max_size=100),
)


@given(MARKS)
def test_an_event_keeps_its_mark(mark):
    event = an_event('{"n":1.10}', replay=mark)
    assert decode(encode(event)) == event


def test_the_mark_stands_before_the_payload_and_an_event_as_accepted_has_none():
    marked = encode(an_event(replay=ReplayMark("lake", 2, "id/7")))
    assert b'"trace":null,"replay":{"to":"lake","count":2,"token":"id/7"},"payload":' in marked
    assert b"replay" not in encode(an_event())


@pytest.mark.parametrize(
    ("bound", "table", "lake"), [("table", True, False), ("lake", False, True), (None, True, True)]
)
def test_a_mark_says_where_an_event_is_bound(bound, table, lake):
    event = an_event(replay=ReplayMark(bound, 1, "id/0"))
    assert (event.is_bound_for("table"), event.is_bound_for("lake")) == (table, lake)
    assert an_event().is_bound_for("table")


@pytest.mark.parametrize(
    "mark",
    [
        "null",
        "[]",
        "{}",
        '{"to":"moon","count":1,"token":"x"}',
        '{"to":"table","count":0,"token":"x"}',
        '{"to":"table","count":1.5,"token":"x"}',
        '{"to":"table","count":"1","token":"x"}',
        '{"to":"table","count":99999999999,"token":"x"}',
        '{"to":"table","count":1,"token":""}',
        '{"to":"table","count":1,"token":1}',
        '{"to":"table","count":1}',
        '{"to":"table","count":1,"token":"x","more":1}',
    ],
)
def test_an_event_with_an_invalid_mark_is_poison(mark):
    data = encode(an_event()).replace(b'"payload"', b'"replay":' + mark.encode() + b',"payload"')
    with pytest.raises(PoisonEvent, match="replay"):
        decode(data)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("[]", 'replay is not an object of "to", "count" and "token"'),
        ('{"to":"moon","count":1,"token":"x"}', "replay.to is neither table nor lake nor null"),
        ('{"to":null,"count":0,"token":"x"}', "replay.count is not a whole number from 1 to 1000000"),
        ('{"to":null,"count":1000001,"token":"x"}', "replay.count is not a whole number from 1 to 1000000"),
        ('{"to":null,"count":1,"token":7}', "replay.token is not a text"),
    ],
)
def test_an_invalid_mark_is_refused_with_the_reason(mark, message):
    with pytest.raises(ValueError, match=r"^replay") as raised:
        read_mark(parse(mark).value)
    assert str(raised.value) == message


@given(st.integers(1, MAX_REPLAYS), st.from_regex(r"[0-9TZ]{16}-[0-9a-f]{6}/[0-9]{1,9}", fullmatch=True))
def test_the_mark_of_bytes_that_are_not_an_event_is_their_partition_key(count, token):
    key = ReplayMark(None, count, token).to_partition_key()
    assert len(key) <= 256
    assert mark_of_partition_key(key) == ReplayMark(None, count, token)


@pytest.mark.parametrize("key", ["", "user-1", "spillway-replay/x/y", "spillway-replay/1/"])
def test_other_partition_keys_have_no_mark(key):
    assert mark_of_partition_key(key) is None
