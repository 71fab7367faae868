"""What is settled of an object of failures."""

from hypothesis import given
from hypothesis import strategies as st

from archive.dead_letters.settled_lines import SettledLines, from_ranges, to_ranges

NUMBERS = st.sets(st.integers(0, 200))


@given(NUMBERS)
def test_numbers_become_ranges_and_back(numbers):
    assert list(from_ranges(to_ranges(numbers))) == sorted(numbers)


def test_neighbours_share_a_range():
    assert to_ranges({0, 1, 2, 5, 7, 8}) == "0-2,5,7-8"


@given(NUMBERS, NUMBERS, NUMBERS)
def test_what_was_entered_is_read_again(first, second, again):
    settled = SettledLines(total=201)
    settled.add("a", "put back", "2026", first)
    settled.add("b", "discarded", "2026", second)
    settled.add("a", "put back", "2027", again)
    read = SettledLines.from_json(settled.to_json())
    assert read == settled
    assert read.lines() == first | second | again
    assert {line for line in range(201) if read.holds(line, "a")} == first | again
    assert {line for line in range(201) if read.holds(line)} == first | second | again
    assert len(read.settlements) == 2
    assert not read.is_complete or len(first | second | again) == 201


def test_an_object_is_complete_when_all_its_lines_are_settled():
    settled = SettledLines(total=2)
    settled.add("a", "put back", "2026", [0])
    assert not settled.is_complete
    settled.add("b", "discarded", "2026", [1])
    assert settled.is_complete
