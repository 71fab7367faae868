"""The model: every promise that does not hold is found."""

from collections import Counter

import pytest

from tests.simulation.model import Found, Model, PromiseBroken, Settled

KEY = ("2026-01-01T00:00:00.000000Z", "request-0-0#0")
OTHER = ("2026-01-01T00:00:09.000000Z", "request-0-1#0")


def accepted(*, keyed: bool = False) -> Model:
    """One event that was accepted."""
    model = Model()
    model.request([7], keyed=keyed)
    model.answer([7], 201, {"results": [{"timestamp": KEY[0], "request_id": KEY[1]}]})
    return model


def where(**changes: object) -> Found:
    """The event where it should be, but for what is changed."""
    return Found(**{"rows": {KEY: 7}, "lake": Counter([KEY])} | changes)  # type: ignore[arg-type] # a test's own


def test_what_is_where_it_should_be_keeps_every_promise():
    accepted().check(where())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (where(rows={}), "in neither table nor dead letter"),
        (where(lake=Counter()), "in neither lake nor error object"),
        (where(rows={KEY: 8}), "holds event 8, not 7"),
        (where(rows={KEY: 7, OTHER: 7}), "2 rows, 1 acceptances, 0 unclear"),
        (where(rows={KEY: 7, OTHER: 9}), "event 9 has a row and was never sent"),
        (where(dead_sources={b"of nobody": {("1", 0)}}), "bytes that nobody put"),
        (where(lost=1), "1 records are archived as lost"),
    ],
)
def test_a_broken_promise_is_named(found, message):
    with pytest.raises(PromiseBroken, match=message):
        accepted().check(found)


def test_a_dead_letter_and_an_error_object_keep_an_event_as_well():
    accepted().check(Found(dead={KEY}, errors=Counter([KEY])))


def test_a_request_with_a_key_has_one_row_however_often_it_was_sent():
    model = accepted(keyed=True)
    model.request([7], keyed=True)
    model.answer([7], None, None)
    with pytest.raises(PromiseBroken, match="sent with a key and has 2 rows"):
        model.check(where(rows={KEY: 7, OTHER: 7}))


def test_without_a_key_an_unclear_answer_may_have_made_another_row():
    model = accepted()
    model.request([7], keyed=False)
    model.answer([7], None, None)
    model.check(where(rows={KEY: 7, OTHER: 7}))


POISON = b"poison"


def with_poison(least: int, most: int) -> Model:
    model = Model()
    model.poison[POISON], model.maybe_poison[POISON] = least, most
    return model


def test_each_copy_of_poison_on_the_stream_is_in_a_dead_letter_of_its_own():
    places = {("1", 0), ("2", 0)}
    with_poison(2, 2).check(Found(poison={POISON: places}, dead_sources={POISON: places}))
    with pytest.raises(PromiseBroken, match=r"at \[\('2', 0\)\] is in no dead letter"):
        with_poison(2, 2).check(Found(poison={POISON: places}, dead_sources={POISON: {("1", 0)}}))


@pytest.mark.parametrize(("copies", "is_broken"), [(0, True), (1, False), (2, False), (3, True)])
def test_poison_is_on_the_stream_as_often_as_it_was_put(copies, is_broken):
    places = {(str(number), 0) for number in range(copies)}
    found = Found(poison={POISON: places}, dead_sources={POISON: places})
    if is_broken:
        with pytest.raises(PromiseBroken, match=f"put 1 to 2 times, and is on the stream {copies} times"):
            with_poison(1, 2).check(found)
    else:
        with_poison(1, 2).check(found)


def test_a_settled_line_whose_event_is_not_in_the_table_is_named():
    settled = [Settled("dead-letters/x.json#0", KEY)]
    accepted().check(where(settled=settled))
    with pytest.raises(PromiseBroken, match="settled as put back, and"):
        accepted().check(where(rows={}, dead={KEY}, settled=settled))


def test_a_record_that_was_put_back_twice_is_named():
    accepted().check(where(tokens=Counter(["replay/0"])))
    with pytest.raises(PromiseBroken, match="replay/0 was put back 2 times"):
        accepted().check(where(tokens=Counter(["replay/0", "replay/0"])))


@pytest.mark.parametrize("copies", [0, 2])
def test_an_event_that_compacted_hours_do_not_hold_once_is_named(copies):
    accepted().check(where(merged={KEY}, compacted=Counter([KEY])))
    with pytest.raises(PromiseBroken, match=f"is in {copies} compacted files"):
        accepted().check(where(merged={KEY}, compacted=Counter([KEY] * copies)))


def test_an_event_of_a_loaded_file_that_nobody_accepted_is_named():
    model = Model(loaded={7})
    model.request([7], keyed=True)
    with pytest.raises(PromiseBroken, match="event 7 of a file that was loaded was never accepted"):
        model.check(Found())


@pytest.mark.parametrize("ranges", [[(0, 9), (11, (1 << 128) - 1)], [(0, 9), (9, (1 << 128) - 1)], [(0, 9)]])
def test_hash_keys_that_do_not_belong_to_one_shard_are_named(ranges):
    with pytest.raises(PromiseBroken, match="belong to no shard"):
        Model().check(Found(ranges=ranges))


def test_a_row_that_gets_other_content_is_named():
    model = Model()
    model.rows_written([(KEY, "one")])
    model.rows_written([(KEY, "one")])
    with pytest.raises(PromiseBroken, match="overwritten with other content"):
        model.rows_written([(KEY, "two")])
