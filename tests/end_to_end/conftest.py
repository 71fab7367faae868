"""A pipeline that runs as a newcomer would start it, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.roles import recording

ROOT = Path(__file__).parents[2]
SPILLWAY = str(Path(sys.executable).with_name("spillway"))
START_SECONDS = 120
DRAIN_SECONDS = 90


@dataclass
class RunningPipeline:
    """A pipeline in a process of its own, and how to reach it."""

    process: subprocess.Popen[bytes]
    url: str
    aws_url: str
    greeting: str
    output: Path
    environment: dict[str, str] = field(default_factory=dict)

    def spillway(self, *arguments: str, status: int = 0, stdin: str = "") -> str:
        """Run a command of Spillway against it; its output."""
        done = subprocess.run(
            [SPILLWAY, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def terminal(self) -> dict[str, str]:
        """The environment of a terminal in which `spillway` and `aws` know it."""
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "eu-west-2",
            "AWS_PAGER": "",
            **self.environment,
        }

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.aws_url,
            region_name="eu-west-2",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 (the local endpoint takes any)
        )

    def hops(self) -> dict[str, dict[str, Any]]:
        """The counts of each part, by its name."""
        origin = "/".join(self.url.split("/")[:3])
        with urllib.request.urlopen(f"{origin}/_local/status", timeout=30) as answer:  # noqa: S310 (loopback)
            return {hop["hop"]: hop for hop in json.load(answer)}

    def wait_until_drained(self, **delivered: int) -> None:
        """Wait until the parts named have delivered so many; a bounded time."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while any(self.hops()[hop]["delivered"] < count for hop, count in delivered.items()):
            assert time.monotonic() < deadline, self.hops()
            time.sleep(0.1)

    def stop(self) -> str:
        """End it as Ctrl-C does; what it printed after the greeting."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=DRAIN_SECONDS)
        return self.output.read_text().removeprefix(self.greeting)


def start(*arguments: str) -> RunningPipeline:
    """Start `spillway run` on free ports, and wait for its greeting.

    What it prints goes to a file: a pipe that nobody reads would be full at 64 KiB, and stop it.
    """
    with tempfile.NamedTemporaryFile(prefix="spillway-", suffix=".log", delete=False) as output:
        process = subprocess.Popen(
            [SPILLWAY, "run", "--memory", "--port", "0", "--aws-port", "0", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            | recording.environment(),
        )
    path = Path(output.name)
    greeting = _greeting(process, path)
    exports = dict(re.findall(r"(SPILLWAY_URL|AWS_ENDPOINT_URL)=(\S+)", greeting))
    urls = exports["SPILLWAY_URL"], exports["AWS_ENDPOINT_URL"]
    return RunningPipeline(process, *urls, greeting, path, exports)


def _greeting(process: subprocess.Popen[bytes], output: Path) -> str:
    """What it prints up to the line that says how to stop it."""
    deadline = time.monotonic() + START_SECONDS
    while not (found := re.match(r"(?s).*?^ *stop.*?\n", output.read_text(), re.MULTILINE)):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"no pipeline: {output.read_text()}")
        time.sleep(0.02)
    return found[0]


def end(pipeline: RunningPipeline) -> None:
    """End its process, by its pid, in any state."""
    if pipeline.process.poll() is None:
        pipeline.process.kill()
        pipeline.process.wait(timeout=30)
    pipeline.output.unlink(missing_ok=True)


@pytest.fixture
def pipeline() -> Iterator[RunningPipeline]:
    running = start()
    yield running
    end(running)
