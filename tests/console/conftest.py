"""A pipeline with its console, in a process of its own."""

import re
from collections.abc import Iterator

import pytest

from tests.console.asking import Asking
from tests.end_to_end.conftest import RunningPipeline, end, start


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


def console_url(running: RunningPipeline) -> str:
    """The address of the console, with the token, as the greeting prints it."""
    found = re.search(r"console +(http\S+)", running.greeting)
    assert found, running.greeting
    return found[1]
