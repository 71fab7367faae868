"""The model: every promise that does not hold is found."""

from collections import Counter

import pytest

from tests.simulation.model import Found, Model, PromiseBroken

KEY = ("2026-01-01T00:00:00.000000Z", "request-0-0#0")
OTHER = ("2026-01-01T00:00:09.000000Z", "request-0-1#0")


def a_model(*, keyed: bool = False) -> Model:
    """One event that was accepted."""
    model = Model()
    model.request([7], keyed=keyed)
    model.answer([7], 201, {"results": [{"timestamp": KEY[0], "request_id": KEY[1]}]})
    return model


def where(**changes: object) -> Found:
    """The event where it should be, but for what is changed."""
    return Found(**{"rows": {KEY: 7}, "lake": Counter([KEY])} | changes)  # type: ignore[arg-type]


def test_what_is_where_it_should_be_keeps_every_promise():
    a_model().check(where())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (where(rows={}), "in neither table nor dead letter"),
        (where(lake=Counter()), "in neither lake nor error object"),
        (where(rows={KEY: 8}), "holds event 8, not 7"),
        (where(rows={KEY: 7, OTHER: 7}), "2 rows, 1 acceptances, 0 unclear"),
        (where(rows={KEY: 7, OTHER: 9}), "event 9 has a row and was never sent"),
        (where(dead_bytes=Counter([b"of nobody"])), "bytes that nobody put"),
        (where(lost=1), "1 records are archived as lost"),
    ],
)
def test_a_broken_promise_is_named(found, message):
    with pytest.raises(PromiseBroken, match=message):
        a_model().check(found)


def test_a_dead_letter_and_an_error_object_keep_an_event_as_well():
    a_model().check(Found(dead={KEY}, errors=Counter([KEY])))


def test_a_request_with_a_key_has_one_row_however_often_it_was_sent():
    model = a_model(keyed=True)
    model.request([7], keyed=True)
    model.answer([7], None, None)
    with pytest.raises(PromiseBroken, match="sent with a key and has 2 rows"):
        model.check(where(rows={KEY: 7, OTHER: 7}))


def test_without_a_key_an_unclear_answer_may_have_made_another_row():
    model = a_model()
    model.request([7], keyed=False)
    model.answer([7], None, None)
    model.check(where(rows={KEY: 7, OTHER: 7}))


def test_poison_that_is_in_no_dead_letter_is_named():
    model = Model()
    model.poison[b"poison"] = 2
    with pytest.raises(PromiseBroken, match="2 of b'poison' were put, 1 are in dead letters"):
        model.check(Found(dead_bytes=Counter([b"poison"])))


def test_a_row_that_gets_other_content_is_named():
    model = Model()
    model.rows_written([(KEY, "one")])
    model.rows_written([(KEY, "one")])
    with pytest.raises(PromiseBroken, match="overwritten with other content"):
        model.rows_written([(KEY, "two")])
