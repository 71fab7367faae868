"""Which differences between a run and the stored recording of function calls fail the run."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.roles.plugin import differences, is_whole
from tests.roles.stored import FunctionCall

CALL = FunctionCall("table-writer", "sqs", "SendMessage", "{}")
OTHER = FunctionCall("table-writer", "sqs", "SendMessageBatch", "{}")
ARGUMENTS = pytest.Config.ArgsSource


def run(source: Any = ARGUMENTS.TESTPATHS, failed: int = 0, **options: Any) -> pytest.Session:
    """A finished run of pytest."""
    none = {"keyword": "", "markexpr": "", "deselect": None, "ignore": None, "collectonly": False}
    config = SimpleNamespace(option=SimpleNamespace(**none | options), args_source=source)
    return cast("pytest.Session", SimpleNamespace(config=config, testsfailed=failed))


def test_a_call_that_is_not_in_the_recording_is_new_and_one_that_nothing_made_is_idle():
    assert differences({CALL, OTHER}, {CALL}) == ([f"called, and not in the recording: {OTHER.to_line()}"], [])
    assert differences({CALL}, {CALL, OTHER}) == ([], [f"in the recording, and called by no test: {OTHER.to_line()}"])
    assert differences({CALL}, {CALL}) == ([], [])


def test_a_run_of_every_test_is_a_whole_one():
    assert is_whole(run())


@pytest.mark.parametrize(
    "part",
    [
        {"source": ARGUMENTS.ARGS},
        {"failed": 1},
        {"keyword": "roles"},
        {"markexpr": "not slow"},
        {"deselect": ["tests/roles"]},
        {"ignore": ["tests/chaos"]},
        {"collectonly": True},
    ],
)
def test_a_run_of_some_tests_is_not_a_whole_one(part):
    assert not is_whole(run(**part))
