"""`spillway status --watch`: in place on a terminal, plain lines elsewhere, JSON a line for each refresh."""

import io
import json
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner

from infra.cli import status as command
from infra.cli.context import CommandError
from infra.cli.main import spillway
from infra.cli.watch import watch

HOP = {"hop": "http_api", "unit": "events", "received": 3, "delivered": 3, "waiting": 0, "failed": 0}


class Counter:
    """A report that counts how often it was shown."""

    def __init__(self, *failures: int, error: BaseException | None = None) -> None:
        self.shown = 0
        self._failures = failures
        self._error = error or CommandError("nobody answers")

    def __call__(self) -> None:
        self.shown += 1
        if self.shown in self._failures:
            raise self._error
        click.echo(f"shown {self.shown}")


@pytest.fixture
def waits() -> list[float]:
    return []


def test_elsewhere_each_refresh_stands_below_the_one_before_with_its_time(capsys, waits):
    watch(Counter(), 2.0, limit=3, sleep=waits.append)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1::2] == ["shown 1", "shown 2", "shown 3"]
    assert all(line.endswith(" UTC") for line in lines[::2])
    assert "\x1b" not in "".join(lines)
    assert waits == [2.0, 2.0]


def test_plain_prints_nothing_of_its_own(capsys, waits):
    watch(Counter(), 2.0, limit=2, plain=True, sleep=waits.append)
    assert capsys.readouterr().out == "shown 1\nshown 2\n"


def test_ctrl_c_ends_it_without_an_error(capsys, waits):
    watch(Counter(2, error=KeyboardInterrupt()), 2.0, sleep=waits.append)
    assert waits == [2.0]


def test_what_fails_at_once_is_an_error_and_what_fails_later_is_tried_again(capsys, waits):
    with pytest.raises(CommandError):
        watch(Counter(1), 2.0, limit=3, plain=True, sleep=waits.append)
    report = Counter(2)
    watch(report, 2.0, limit=3, plain=True, sleep=waits.append)
    shown = capsys.readouterr()
    assert shown.out == "shown 1\nshown 3\n"
    assert "not refreshed: nobody answers" in shown.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_refreshed_in_place(monkeypatch, waits):
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal)
    watch(Counter(), 2.0, limit=2, sleep=waits.append)
    assert "shown 1" in terminal.getvalue()
    assert "shown 2" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()  # the cursor goes up
    assert "Ctrl-C ends" in terminal.getvalue()


@pytest.fixture
def local_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_json(url: str) -> Any:
        return [HOP] if url.endswith(command.STATUS_PATH) else {"database": 1}

    monkeypatch.setattr(command, "get_json", get_json)


def test_json_is_a_line_for_each_refresh(local_status, monkeypatch):
    monkeypatch.setattr("infra.cli.watch.time.sleep", lambda _seconds: None)
    done = CliRunner().invoke(spillway, ["status", "--watch", "--json", "--limit", "2", "--every", "0.5"])
    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[HOP], [HOP]]


def test_the_table_is_shown_again_and_again(local_status):
    done = CliRunner().invoke(spillway, ["status", "--watch", "--limit", "1"])
    assert done.exit_code == 0, done.output
    assert "http_api" in done.stdout
    assert "On disk: database 1 bytes" in done.stdout


@pytest.mark.parametrize("words", [["--every", "2"], ["--limit", "2"], ["--watch", "--every", "0.4"]])
def test_options_of_watching_belong_to_it(words):
    assert CliRunner().invoke(spillway, ["status", *words]).exit_code == 2
