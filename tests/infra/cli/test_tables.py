"""What commands print for people."""

import os
from dataclasses import replace

import pytest

from infra.cli.tables import MAX_CELL_CHARACTERS, print_hops, print_table, say
from infra.status import HopStatus
from infra.value_text import count_of

HOPS = [HopStatus("dead_letter_archiver", "dead letters", 20_001, 20_000, 0, 1)]


@pytest.fixture
def terminal(monkeypatch):
    def of(columns: int) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((columns, 24)))

    return of


def test_a_narrow_terminal_shows_a_row_as_a_record(terminal, capsys):
    terminal(50)
    print_hops(HOPS)
    assert capsys.readouterr().out.splitlines() == [
        "dead_letter_archiver",
        "  unit     dead letters",
        "  in       20,001",
        "  out      20,000",
        "  waiting  0",
        "  failed   1",
        "  retried  0",
    ]


def test_a_cause_stands_below_the_rows_and_is_shown_not_obeyed(terminal, capsys):
    terminal(50)
    print_hops([replace(HOPS[0], cause="TableUnavailable: table\nx\x1b[2J is missing")])
    assert capsys.readouterr().out.splitlines()[-1] == (
        r"dead_letter_archiver: TableUnavailable: table x\x1b[2J is missing"
    )


def test_a_wide_terminal_shows_a_table(terminal, capsys):
    terminal(100)
    print_hops(HOPS)
    assert "dead_letter_archiver" in capsys.readouterr().out.splitlines()[3]


def test_a_cell_is_cut_and_shown(capsys):
    print_table(("a", "b"), [("\x1b[2J", "x" * (MAX_CELL_CHARACTERS + 1))])
    out = capsys.readouterr().out
    assert r"\x1b[2J" in out
    assert "x" * MAX_CELL_CHARACTERS + "…" in out
    assert "x" * (MAX_CELL_CHARACTERS + 1) not in out


def test_what_an_event_says_is_shown_and_its_lines_are_cut_where_that_is_asked_for(capsys):
    say("\x1b]0;x\x07\n" + "y" * 11, most=10)
    assert capsys.readouterr().out == "\\x1b]0;x\\x… (12 characters)\n" + "y" * 10 + "… (11 characters)\n"
    say("y" * 11)
    assert capsys.readouterr().out == "y" * 11 + "\n"


@pytest.mark.parametrize(("number", "text"), [(0, "0 entries"), (1, "1 entry"), (2_000, "2,000 entries")])
def test_a_number_of_things(number, text):
    assert count_of(number, "entry", "entries") == text
