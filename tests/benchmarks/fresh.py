"""Handlers in fresh processes: what a cold start costs, and how much memory a batch takes."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import handlers
from tests.benchmarks.fake_aws import FakeAws

SECONDS = 120


@dataclass(frozen=True, slots=True)
class FirstCall:
    """One handler's first call in a process of its own.

    Args:
        import_ms: of wall time, importing its module.
        wall_ms: importing it and answering.
        cpu_ms: the same, of CPU.
        peak_mib: the most resident memory.
        answer_bytes: of the answer as JSON.
        modules: how many are loaded in the end.
    """

    import_ms: float
    wall_ms: float
    cpu_ms: float
    peak_mib: float
    answer_bytes: int
    modules: int


@contextmanager
def event_file(event: dict[str, Any]) -> Iterator[Path]:
    """An event in a file, for a fresh process to read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "event.json"
        path.write_text(json.dumps(event), encoding="utf-8")
        yield path


def first_call(module: str, event: Path, aws: FakeAws) -> FirstCall:
    """Start a process, import a handler in it, call it once.

    Args:
        module: such as `producers.http_api`, or `.http_minimal` of the baselines.
        event: a file with the event.

    Raises:
        RuntimeError: the handler failed, or did not do all of its work.
    """
    name = f"{handlers.BASELINES}{module}" if module.startswith(".") else module
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.handler_process", name, str(event)],
        capture_output=True,
        text=True,
        env={**os.environ, **handlers.environment(aws)},
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
    measured = json.loads(done.stdout)
    problem = measured.pop("problem")
    if problem:
        raise RuntimeError(f"{name}: {problem}")
    return FirstCall(**measured)
