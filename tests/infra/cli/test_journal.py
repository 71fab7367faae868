"""How far a load got, and going on from there."""

import pytest

from infra.loading.journal import Journal, JournalError, Journals, journal_path
from infra.loading.sources import Batch, Entry, read_batches


@pytest.fixture
def paths(tmp_path):
    paths = tuple(tmp_path / name for name in ("a.ndjson", "b.ndjson"))
    for path in paths:
        path.write_text("1\n" * 2_000)
    return paths


def batches() -> list[Batch]:
    return list(read_batches(Entry(number, "1") for number in range(1, 2_001)))


def left(journal: Journal) -> list[tuple[int, int]]:
    return [(batch.first, batch.last) for batch in journal.left(batches())]


def begun(paths, **reading) -> str:
    """A load of which the second batch of the first file was answered; its id."""
    with Journals(paths, reading) as journals:
        journals.begin()
        journals[0].note(501, 1000)
        return journals.load_id


def test_a_resumed_load_has_the_same_id_and_cuts_and_leaves_out_what_was_answered(paths):
    load_id = begun(paths)
    with Journals(paths) as again:
        assert again.earlier[0].answered == 500
        assert again.resume()
        assert again.load_id == load_id
        assert left(again[0]) == [(1, 500), (1001, 1500), (1501, 2000)]
        assert len(left(again[1])) == 4


def test_a_finished_file_stays_known_until_the_whole_load_is_done(paths):
    with Journals(paths) as journals:
        journals.begin()
        for batch in batches():
            journals[0].note(batch.first, batch.last)
    with Journals(paths) as again:
        assert again.resume()
        assert left(again[0]) == []


@pytest.mark.parametrize("removed", [0, 1])
def test_a_load_killed_within_its_last_step_is_done(paths, removed):
    """The line that completes it is written; of the journals some are gone, the first one last."""
    begun(paths)
    with Journals(paths) as journals:
        journals.resume()
        journals[0].complete()
    for path in paths[len(paths) - removed :]:
        journal_path(path).unlink()
    with Journals(paths) as again:
        assert not again.resume()
        again.finish()
    assert not [path for path in paths if journal_path(path).exists()]


def test_a_line_cut_short_counts_as_not_answered_and_the_next_line_stands_by_itself(paths):
    begun(paths)
    with journal_path(paths[0]).open("a") as file:
        file.write("[1001, 15")
    for _ in range(2):
        with Journals(paths) as again:
            again.resume()
            again[0].note(1, 500)
    with Journals(paths) as again:
        again.resume()
        assert left(again[0]) == [(1001, 1500), (1501, 2000)]


def test_there_is_nothing_to_resume_where_nothing_began(paths):
    with Journals(paths) as journals, pytest.raises(JournalError, match="there is nothing to resume"):
        journals.resume()
    assert not [path for path in paths if journal_path(path).exists()]


def test_a_load_killed_before_a_journal_had_its_first_line_begins_that_file(paths):
    begun(paths)
    journal_path(paths[1]).write_text('{"versio')
    with Journals(paths) as again:
        assert again.resume()
        assert len(left(again[1])) == 4


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_has_changed_is_not_resumed(paths, which):
    begun(paths)
    paths[which].write_text("1\n" * 2_001)
    with Journals(paths) as again, pytest.raises(JournalError, match="has changed since"):
        again.resume()


def test_a_file_that_is_read_otherwise_is_not_resumed(paths):
    begun(paths, delimiter=",")
    with Journals(paths, {"delimiter": ";"}) as again, pytest.raises(JournalError, match="read with other options"):
        again.resume()


@pytest.mark.parametrize("order", [[0], [1], [1, 0]])
def test_other_files_do_not_resume_a_load(paths, order):
    begun(paths)
    with (
        Journals([paths[number] for number in order]) as again,
        pytest.raises(JournalError, match=r"a\.ndjson.* .*b\.ndjson"),
    ):
        again.resume()


def test_two_loads_of_a_file_at_once_are_refused(paths):
    with Journals(paths) as journals:
        journals.begin()
        with pytest.raises(JournalError, match=r"another load of .* is under way"), Journals(paths[:1]):
            pass


def test_what_is_not_a_journal_is_named(paths):
    journal_path(paths[0]).write_text("?\n")
    with pytest.raises(JournalError, match="not a journal of this version"), Journals(paths):
        pass


def test_a_symbolic_link_is_not_written_through(paths, tmp_path):
    target = tmp_path / "precious"
    target.write_text("as it was")
    journal_path(paths[0]).symlink_to(target)
    with pytest.raises(JournalError, match="is a symbolic link"), Journals(paths):
        pass
    assert target.read_text() == "as it was"
