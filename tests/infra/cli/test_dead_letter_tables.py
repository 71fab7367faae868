"""What the commands on failures print: why some are left, and what the settled ones are counted among."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from archive.dead_letters.outlook import LOST
from archive.dead_letters.reading import READERS
from archive.dead_letters.selected import SelectedFailures
from archive.dead_letters.selection import Selection
from archive.dead_letters.settled_lines import SettledLines, settled_key
from archive.dead_letters.stores import stores
from archive.replay.destinations import Planned
from archive.replay.plan import MAX_REPLAYS, Left, Planner, Tally
from infra.cli.dead_letter_tables import SHOWN_LEFT, print_report, print_tally
from infra.dead_letters.session import report_of
from tests.archive.replay.replay_under_test import DEAD, FAILED_AT, LAKE, ReplayUnderTest, a_letter

HOUR = timedelta(hours=1)
SPAN = FAILED_AT - HOUR, FAILED_AT + HOUR


@pytest.fixture
def here(aws):
    return ReplayUnderTest()


@pytest.fixture
def opened(here):
    """An environment of which the failures alone are asked."""
    with ThreadPoolExecutor(READERS) as executor:
        places = stores(DEAD, LAKE, timedelta(hours=24))
        yield SimpleNamespace(failures=SelectedFailures(here.s3, executor, places, here.documents))


def settle(here: ReplayUnderTest, key: str, lines: list[int], total: int) -> None:
    """Note that lines of an object were put back."""
    settled = SettledLines(total=total)
    settled.add("r", "put back", "2026-11-23T03:00:00Z", lines)
    here.s3.put_object(Bucket=DEAD, Key=settled_key(key), Body=settled.to_json())


def tally_of(opened: Any, **options: Any) -> Tally:
    tally, planner = Tally(), Planner(opened.failures.with_data, **options)
    for failed, _ in opened.failures.select(Selection(*SPAN)):
        decided = planner.decide(failed)
        if isinstance(decided, Left):
            tally.leave(decided)
        else:
            assert isinstance(decided, Planned)
            tally.plan(decided)
    return tally


def test_what_is_left_says_how_many_and_why_each(here, opened, capsys):
    often = a_letter(1, replays=MAX_REPLAYS)
    key = here.archive("m", a_letter(0), often, replace(a_letter(2), data=None), a_letter(3, data=b"poison"))
    print_tally(tally_of(opened), done=False, destination="stream")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  put back   1 on the stream: 1 for the table alone"
    assert lines[1].startswith("  left       3 would not be put back: ")
    assert set(lines[1].partition("back: ")[2].split(", ")) == {
        "1 put back too often",
        f"1 {LOST}",
        "1 still failing",
    }
    shown = dict(zip(lines[2::2], lines[3::2], strict=True))
    assert list(shown) == [f"    {key}#{line}" for line in (1, 2, 3)]
    assert f"put back {MAX_REPLAYS} times before, and failed again; --force" in shown[f"    {key}#1"]
    assert shown[f"    {key}#2"].startswith(f"      {LOST}: ")
    assert shown[f"    {key}#3"].startswith("      still failing: ")


def test_what_was_left_is_said_of_a_replay_that_is_done(here, opened, capsys):
    here.archive("m", a_letter(0, data=b"poison"))
    print_tally(tally_of(opened), done=True, destination="table")
    out = capsys.readouterr().out
    assert "  put back   0 straight into the table\n" in out
    assert "  left       1 was not put back: 1 still failing\n" in out


@pytest.mark.parametrize(("count", "more"), [(SHOWN_LEFT - 1, 0), (SHOWN_LEFT, 0), (SHOWN_LEFT + 1, 1)])
def test_the_first_of_what_is_left_are_named_and_the_rest_counted(here, opened, capsys, count, more):
    here.archive("m", *(a_letter(number, data=b"poison") for number in range(count)))
    print_tally(tally_of(opened), done=False, destination="stream")
    out = capsys.readouterr().out
    assert out.count("      still failing: ") == count - more
    assert (f"    … and {more} more: spillway dead-letters list, same options\n" in out) == bool(more)


def test_nothing_is_said_of_what_is_left_where_nothing_is(here, opened, capsys):
    here.archive("m", a_letter(0))
    print_tally(tally_of(opened), done=True, destination="stream")
    assert "left" not in capsys.readouterr().out


def listed(opened: Any, selection: Selection, capsys: Any, *, everything: bool) -> list[str]:
    """The first lines of `list`."""
    print_report(report_of(opened, selection, everything=everything), "in an hour", 1)
    lines: list[str] = capsys.readouterr().out.splitlines()
    return [line for line in lines[:2] if line]


def test_the_settled_are_those_of_the_period_and_of_the_options(here, opened, capsys):
    whole = here.archive("whole", a_letter(0), a_letter(1))
    settle(here, whole, [0, 1], 2)
    part = here.archive("part", a_letter(2), a_letter(3), a_letter(4))
    settle(here, part, [1], 3)
    left = "2 failures left to do, in an hour; 1 object looked into"
    assert listed(opened, Selection(*SPAN), capsys, everything=False) == [left]
    assert listed(opened, Selection(*SPAN), capsys, everything=True) == [
        left,
        "3 failures of that time, and of these options, settled before",
    ]
    one = Selection(*SPAN, where=f"name == '{part}#1'")
    assert listed(opened, one, capsys, everything=True) == [
        "0 failures left to do, in an hour; 1 object looked into",
        "1 failure of that time, and of these options, settled before",
    ]
    other = Selection(FAILED_AT + HOUR, FAILED_AT + 2 * HOUR)
    assert listed(opened, other, capsys, everything=True) == ["0 failures left to do, in an hour; 1 object looked into"]
