"""The whole local pipeline, started and ended by a benchmark, and what is asked of it."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from infra.settings import PIPELINE_FILE
from tests.benchmarks.machine import resident_mib

ROOT: Final = Path(__file__).parents[2]
SPILLWAY: Final = Path(sys.executable).with_name("spillway")
DRAIN_SECONDS: Final = 180
IN_MEMORY: Final = "0b1a700"  # the last commit before the store


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A running pipeline.

    Args:
        pid: of its process.
        url: where events are posted.
        started: on `time.monotonic`, when its process was started.
    """

    pid: int
    url: str
    started: float

    def load(self, file: Path, *, delivered: int) -> float:
        """Load a file with `spillway load`; seconds until both sinks had so many in all."""
        began = time.monotonic()
        subprocess.run(
            [str(SPILLWAY), "load", "--url", self.url, str(file)],
            check=True,
            stdout=subprocess.DEVNULL,
            env=environment(),
            timeout=DRAIN_SECONDS,
        )
        self.wait_for(delivered, "table_writer", "firehose")
        return time.monotonic() - began

    def wait_for(self, delivered: int, *hops: str) -> None:
        """Wait until each of these parts has delivered so many in all.

        Raises:
            RuntimeError: it took too long.
        """
        deadline = time.monotonic() + DRAIN_SECONDS
        while (least := min(self._delivered(hop) for hop in hops)) < delivered:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the pipeline brought {least} of {delivered} events to {' and '.join(hops)}")
            time.sleep(0.05)

    def memory_mib(self) -> tuple[float, float]:
        """Resident now, and at its peak."""
        return resident_mib(self.pid)

    def _delivered(self, hop: str) -> int:
        origin = "/".join(self.url.split("/")[:3])
        with urllib.request.urlopen(f"{origin}/_local/status", timeout=30) as answer:  # noqa: S310 (loopback)
            return next(int(row["delivered"]) for row in json.load(answer) if row["hop"] == hop)


@contextlib.contextmanager
def spillway_run() -> Iterator[Pipeline]:
    """A pipeline as `make run` starts it, with its limits off, on a data folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(SPILLWAY), "run", *_options(Path(folder), PIPELINE_FILE), "--data", f"{folder}/data"]
        with _running(command, re.compile(r"SPILLWAY_URL=(\S+)"), "  stop ") as pipeline:
            yield pipeline


@contextlib.contextmanager
def in_memory_checkout() -> Iterator[Path]:
    """A worktree of the last commit whose pipeline kept everything in memory."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", str(checkout), IN_MEMORY], check=True, cwd=ROOT
        )
        try:
            yield checkout
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(checkout)], check=True, cwd=ROOT)


@contextlib.contextmanager
def in_memory_run(checkout: Path) -> Iterator[Pipeline]:
    """That pipeline, with its limits off."""
    with tempfile.TemporaryDirectory() as folder:
        start = "from infra.cli.main import main; main()"  # found in the working folder before the installed one
        options = _options(Path(folder), checkout / "infra" / "pipeline.yaml")
        command = [sys.executable, "-c", start, "run", *options]
        with _running(command, re.compile(r"SPILLWAY_URL=(\S+)"), "  stop ", checkout) as pipeline:
            yield pipeline


def _options(folder: Path, settings_file: Path) -> list[str]:
    """Free ports, and settings without limits."""
    config = folder / "pipeline.yaml"
    settings = yaml.safe_load(settings_file.read_text(encoding="utf-8"))
    settings["local"]["limits"] = "off"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return ["--port", "0", "--aws-port", "0", "--config", str(config)]


@contextlib.contextmanager
def unaggregated() -> Iterator[Pipeline]:
    """The same pipeline, where no event shares a stream record with another."""
    command = [sys.executable, "-m", "tests.benchmarks.pipeline_process", "1"]
    with _running(command, re.compile(r'"url": "([^"]+)"'), "{") as pipeline:
        yield pipeline


@contextlib.contextmanager
def _running(command: list[str], address: re.Pattern[str], last_line: str, folder: Path = ROOT) -> Iterator[Pipeline]:
    """Start a pipeline, read its address up to the line that ends its greeting, and end it at the end."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
        )
        try:
            yield Pipeline(process.pid, _address(process, log.fileno(), address, last_line), started)
        finally:
            process.kill()
            process.communicate(timeout=30)


def _address(process: subprocess.Popen[bytes], log: int, address: re.Pattern[str], last_line: str) -> str:
    while process.poll() is None:
        text = os.pread(log, 100_000, 0).decode()
        found = address.search(text)
        if found and any(line.startswith(last_line) for line in text.splitlines()):
            return found[1]
        time.sleep(0.01)
    raise RuntimeError(f"the pipeline did not start: {os.pread(log, 100_000, 0).decode()}")


def environment() -> dict[str, str]:
    """This environment, without AWS settings of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
