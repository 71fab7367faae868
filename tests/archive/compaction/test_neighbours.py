"""Copies of one event in two hours: the earlier hour keeps it, and no two runs both drop it."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.lake.hours import Hour
from tests.archive.compaction.compacting import AFTER, ALL_OF_TIME, BUCKET, compact, compaction, ids, rows_by_athena
from tests.archive.lake.lakes import HOUR, Lake, a_row

NEXT = Hour(HOUR.end)
THIRD = Hour(NEXT.end)
LATER = AFTER + timedelta(hours=3)


def in_hour(lake: Lake, hour: Hour) -> list[str]:
    found = lake.query(f"SELECT request_id FROM events_compacted WHERE hour = '{hour.hour}' ORDER BY 1")  # noqa: S608
    return [row[0] for row in found]


def test_an_event_of_the_hour_before_stays_out(lake):
    lake.land([a_row(1), a_row(2)], HOUR)
    lake.land([a_row(2), a_row(3)], NEXT)
    outcomes = list(compaction(lake, LATER).run([HOUR, NEXT]))
    assert [(outcome.rows, outcome.duplicates) for outcome in outcomes] == [(2, 0), (1, 1)]
    assert lake.events() == ids(1, 2, 3)


def test_an_event_that_lands_late_in_the_hour_before_stays_out_where_the_hour_after_has_it(lake):
    lake.land([a_row(1)], HOUR)
    lake.land([a_row(2), a_row(3)], NEXT)
    list(compaction(lake, LATER).run([HOUR, NEXT]))
    lake.land([a_row(2), a_row(4)], HOUR)
    assert compact(lake, LATER).what == "extended"
    assert lake.events() == ids(1, 2, 3, 4)
    assert in_hour(lake, HOUR) == ids(1, 4)


def test_what_two_hours_have_already_goes_from_the_later_one_only(lake):
    """As after two runs at once: an extension of either hour brings it down to one, and never to none."""
    lake.land([a_row(1), a_row(2)], NEXT)
    compact(lake, LATER, NEXT)
    lake.land([a_row(2)], THIRD)
    list(compaction(lake, LATER).run([THIRD]))
    compacted = compaction(lake, LATER)
    compacted._neighbour = lambda *_: []  # type: ignore[method-assign] # this run sees no neighbour
    lake.land([a_row(2), a_row(5)], HOUR)
    list(compacted.run([HOUR]))
    assert lake.events() == ids(1, 2, 2, 5)
    lake.land([a_row(6)], HOUR)
    lake.land([a_row(7)], NEXT)
    list(compaction(lake, LATER).run([HOUR, NEXT]))
    assert lake.events() == ids(1, 2, 5, 6, 7)
    assert in_hour(lake, HOUR) == ids(2, 5, 6)


def test_an_hour_whose_events_are_all_in_the_hour_before_is_compacted_to_nothing(lake):
    lake.land([a_row(1), a_row(2)], HOUR)
    lake.land([a_row(2)], NEXT)
    outcomes = list(compaction(lake, LATER).run([HOUR, NEXT]))
    assert [(outcome.what, outcome.files) for outcome in outcomes] == [("compacted", 1), ("compacted", 0)]
    assert lake.events() == ids(1, 2)
    assert [outcome.what for outcome in compaction(lake, LATER).run([NEXT])] == ["unchanged"]
    lake.land([a_row(3)], NEXT)
    assert compact(lake, LATER, NEXT).what == "extended"
    assert lake.events() == ids(1, 2, 3)


def test_events_of_one_time_in_two_hours_are_two_events(lake):
    same = a_row(1)["timestamp_micros"]
    lake.land([a_row(1)], HOUR)
    lake.land([a_row(2, timestamp_micros=same)], NEXT)
    list(compaction(lake, LATER).run([HOUR, NEXT]))
    assert lake.events() == ids(1, 2)


def test_copies_further_apart_stay_as_the_pages_say(lake):
    lake.land([a_row(1)], HOUR)
    lake.land([a_row(1)], THIRD)
    list(compaction(lake, LATER).run([HOUR, THIRD]))
    assert lake.events() == ids(1, 1)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from([HOUR, NEXT, THIRD]), st.lists(st.integers(0, 5), min_size=1, max_size=4)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_lands_in_which_order_no_event_is_lost_and_neighbours_hold_none_twice(lake, landings):
    for key in lake.keys(""):
        lake.s3.delete_object(Bucket=BUCKET, Key=key)
    landed: set[str] = set()
    for hour, numbers in landings:
        lake.land([a_row(number) for number in numbers], hour)
        list(compaction(lake, LATER).run([hour]))
        landed.update(ids(*numbers))
        assert set(lake.events()) == landed
        first, second, third = (in_hour(lake, each) for each in (HOUR, NEXT, THIRD))
        assert all(len(set(each)) == len(each) for each in (first, second, third))
        assert not set(first) & set(second)
        assert not set(second) & set(third)


def test_athenas_statement_drops_what_the_local_engine_drops(lake):
    lake.land([a_row(1), a_row(2)], HOUR)
    lake.land([a_row(4), a_row(5)], THIRD)
    lake.land([a_row(6)], NEXT)
    list(compaction(lake, LATER).run([HOUR, NEXT, THIRD]))
    lake.land([a_row(2), a_row(3), a_row(4), a_row(6), a_row(6, user_agent="x")], NEXT)
    by_athena = rows_by_athena(lake, NEXT, *ALL_OF_TIME)
    compact(lake, LATER, NEXT)
    columns = "timestamp, timestamp_micros, request_id, source_ip, user_agent, payload, _mismatches"
    by_pyarrow = lake.query(f"SELECT {columns} FROM events_compacted WHERE hour = '03' ORDER BY timestamp_micros")  # noqa: S608
    assert by_athena == by_pyarrow
    assert [(row[2], row[4]) for row in by_athena] == [("r00003", None), ("r00006", "x")]
