"""Every run of the tests records what functions call, and fails where the roles are not judged by all of it."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.roles import recording, stored
from tests.roles.stored import FunctionCall

_is_worker = "PYTEST_XDIST_WORKER" in os.environ


def pytest_configure(config: pytest.Config) -> None:
    """Record in this process, and in those that it starts."""
    if not _is_worker:
        folder = tempfile.mkdtemp(prefix="spillway-calls-")
        os.environ[recording.FOLDER_VARIABLE] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    recording.install(Path(os.environ[recording.FOLDER_VARIABLE]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Compare what was recorded with what is kept; `make record-calls` replaces it."""
    if _is_worker:
        return
    found, kept = stored.recorded(Path(os.environ[recording.FOLDER_VARIABLE])), stored.kept()
    if os.environ.get(stored.KEEP_VARIABLE) == "functions":
        stored.keep(found)
        return
    new, idle = differences(found, kept)
    if not is_whole(session):
        idle = []
    if new or idle:
        reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.section("AWS calls of the functions", red=bool(new))
        for line in new + idle:
            reporter.line(line)
        reporter.line("Where this is meant, run `make record-calls`, and the tests of tests/roles.")
    if new:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def differences(found: set[FunctionCall], kept: set[FunctionCall]) -> tuple[list[str], list[str]]:
    """What the recording lacks, and what nothing called.

    The first fails a run. The second is only shown, after a run of every test: some calls are retries, which a run may
    do without.
    """
    new = [f"called, and not in the recording: {call.to_line()}" for call in sorted(found - kept)]
    idle = [f"in the recording, and called by no test: {call.to_line()}" for call in sorted(kept - found)]
    return new, idle


def is_whole(session: pytest.Session) -> bool:
    """Whether a run had every test, the slow ones as well, and all passed: what CI runs."""
    options = session.config.option
    chosen = options.keyword or options.markexpr or options.deselect or options.ignore or options.collectonly
    every = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return every and not chosen and session.testsfailed == 0
