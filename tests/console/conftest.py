"""A pipeline with its console, in a process of its own."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.console.asking import Asking
from tests.console.browser import Screen, browser, screen
from tests.end_to_end.conftest import RunningPipeline, end, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def running() -> Iterator[RunningPipeline]:
    """A pipeline that every test of this folder may use, and none may break."""
    pipeline = start()
    yield pipeline
    end(pipeline)


@pytest.fixture
def asking(running: RunningPipeline) -> Asking:
    """Requests to its console, without a cookie."""
    return Asking(console_url(running))


@pytest.fixture(scope="session")
def opened() -> Iterator["Browser"]:
    """One browser for all tests."""
    with browser() as found:
        yield found


@pytest.fixture
def shown(opened: "Browser", running: RunningPipeline) -> Iterator[Screen]:
    """A page of the console, at 1280 pixels."""
    with screen(opened, console_url(running)) as found:
        yield found
        assert not found.problems


def console_url(running: RunningPipeline) -> str:
    """The address of the console, with the token, as the greeting prints it."""
    found = re.search(r"console +(http\S+)", running.greeting)
    assert found, running.greeting
    return found[1]
