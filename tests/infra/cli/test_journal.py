"""How far a load got, and going on from there."""

import pytest

from infra.loading.journal import Journal, JournalError
from infra.loading.sending import Sent
from infra.loading.sources import Entry


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_text("1\n" * 100)
    return path


def entries(*numbers: int) -> list[Entry]:
    return [Entry(number, "1") for number in numbers]


def left(journal: Journal, *numbers: int) -> list[int]:
    return [entry.number for entry in journal.left(entries(*numbers))]


def test_a_resumed_load_has_the_same_id_and_leaves_out_what_was_answered(path):
    first = Journal(path)
    first.begin()
    first.note(Sent(11, 20, 10, []))
    first.note(Sent(1, 10, 10, []))
    second = Journal(path)
    second.resume()
    assert second.load_id == first.load_id
    assert left(second, 1, 5, 10, 11, 20, 21, 30) == [21, 30]


def test_batches_that_were_not_answered_are_left_between_those_that_were(path):
    journal = Journal(path)
    journal.begin()
    journal.note(Sent(11, 20, 10, []))
    again = Journal(path)
    again.resume()
    assert left(again, *range(1, 31)) == [*range(1, 11), *range(21, 31)]


def test_a_line_cut_short_by_the_interruption_counts_as_not_answered(path):
    journal = Journal(path)
    journal.begin()
    journal.note(Sent(1, 10, 10, []))
    with journal.path.open("a") as file:
        file.write("[11, 2")
    again = Journal(path)
    again.resume()
    assert left(again, 10, 11) == [11]


def test_resuming_what_never_began_begins(path):
    journal = Journal(path)
    journal.resume()
    assert left(journal, 1, 2) == [1, 2]
    assert journal.path.exists()


def test_a_finished_load_leaves_no_journal(path):
    journal = Journal(path)
    journal.begin()
    journal.finish()
    assert not journal.path.exists()


def test_a_file_that_has_changed_is_not_resumed(path):
    Journal(path).begin()
    path.write_text("1\n" * 101)
    with pytest.raises(JournalError, match="has changed since"):
        Journal(path).resume()


def test_a_journal_that_is_none_is_told(path):
    Journal(path).path.write_text("?")
    with pytest.raises(JournalError, match="delete it"):
        Journal(path).resume()
