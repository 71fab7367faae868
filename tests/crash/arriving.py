"""Events posted to a real `spillway run`, and whether all of them arrive."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash import held
from tests.crash.running import Ledger, Running, start

SETTLE_SECONDS = 120


@contextmanager
def running(data: Path, logs: Path, environment: dict[str, str] | None = None) -> Iterator[Running]:
    started = start(data, logs, environment=environment)
    assert started is not None
    try:
        yield started
    finally:
        started.kill()


def post(running: Running, ledger: Ledger, events: int = 20, text: str = "x") -> int:
    """Post a batch; the status of the answer."""
    body = json.dumps([{"n": number, "text": text} for number in range(events)]).encode()
    request = urllib.request.Request(running.url, body, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            ledger.add(json.load(answer))
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def assert_all_arrive(data: Path, ledger: Ledger) -> None:
    found = wait_until_settled(data)
    assert found.problems == []
    assert ledger.keys <= found.rows
    assert {request_id for _, request_id in ledger.keys} <= found.in_lake
    assert list(found.ahead()) == []


def wait_until_settled(data: Path) -> held.Held:
    """What the folder holds once everything has arrived, or after a while."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = held.read(data)
        lake = {request_id for _, request_id in found.on_stream}
        if (found.rows == found.on_stream.keys() and lake <= found.in_lake) or time.monotonic() > deadline:
            return found
        time.sleep(1)


def audit(running: Running) -> subprocess.CompletedProcess[str]:
    """Run `spillway audit`, which exits 1 where an event is missing anywhere."""
    return running.command("audit", "--from", "3h", seconds=2 * SETTLE_SECONDS)
