"""Queries asked one after another."""

import stat
from types import SimpleNamespace
from typing import Any

import pytest

prompt_toolkit = pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is an extra")

from prompt_toolkit.completion import CompleteEvent  # noqa: E402 (after the check that it is there)
from prompt_toolkit.document import Document  # noqa: E402
from prompt_toolkit.input import create_pipe_input  # noqa: E402
from prompt_toolkit.output import DummyOutput  # noqa: E402

from infra.cli.query_shell import SqlCompleter, ask, history_file  # noqa: E402
from producers.explained import Explained  # noqa: E402

LAKE: Any = SimpleNamespace(
    names=["events", "events_landing"], columns=lambda _table: (SimpleNamespace(name="request_id"),)
)


def asked(text: str, run: Any, explain: Any = lambda _error: None) -> None:
    with create_pipe_input() as source:
        source.send_text(text)
        ask(LAKE, run, explain, source=source, screen=DummyOutput())


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_statements_end_with_a_semicolon_and_may_have_several_lines():
    found: list[str] = []
    asked("SELECT 1;\rSELECT\r2\r;\r;\rexit\r", found.append)
    assert found == ["SELECT 1;", "SELECT\n2\n;"]


def test_a_failure_is_a_line_and_the_session_goes_on(capsys):
    def run(sql: str) -> None:
        raise Explained(f"no table in {sql}\x1b")

    asked("SELECT 1;\rSELECT 2;\r\x04", run)
    shown = capsys.readouterr().err
    assert r"no table in SELECT 1;\x1b" in shown
    assert "no table in SELECT 2;" in shown


def test_a_mistake_in_spillway_ends_the_session():
    def run(_sql: str) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asked("SELECT 1;\r\x04", run)


def test_ctrl_c_ends_the_query_alone(capsys):
    def run(_sql: str) -> None:
        raise KeyboardInterrupt

    asked("SELECT 1;\r\x04", run)
    assert "The query was ended." in capsys.readouterr().err


def test_queries_are_remembered_in_a_file_for_its_owner_alone(home):
    asked("SELECT 42;\rexit\r", lambda _sql: None)
    path = history_file()
    assert path is not None
    assert path.is_relative_to(home)
    assert "SELECT 42;" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_history_that_cannot_be_written_is_done_without(home):
    (home / "spillway").mkdir()
    (home / "spillway" / "query_history").symlink_to(home / "elsewhere")
    assert history_file() is None
    asked("exit\r", lambda _sql: None)
    assert not (home / "elsewhere").exists()


@pytest.mark.parametrize(
    ("text", "expected"), [("sel", "select"), ("SEL", "SELECT"), ("eve", "events"), ("requ", "request_id")]
)
def test_keywords_tables_and_columns_are_completed(text, expected):
    found = SqlCompleter(LAKE).get_completions(Document(text), CompleteEvent())
    assert expected in [each.text for each in found]
