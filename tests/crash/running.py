"""A real `spillway run` that is to be killed, and traffic to it whose answers are written down."""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.store.crash_points import VARIABLE
from infra.settings import PIPELINE_FILE

SPILLWAY: Final = Path(sys.executable).with_name("spillway")
START_SECONDS: Final = 120
CLIENTS: Final = 3
RETRIES: Final = 2  # of a batch, so that a pointer is sent soon
STREAM: Final = "spillway-local-events"
DEAD_LETTERS: Final = "spillway-local-dead-letters-123456789012"


@dataclass(slots=True)
class Ledger:
    """What the clients know: the key of every event that was answered with 2xx."""

    keys: set[tuple[str, str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, answer: dict[str, Any]) -> None:
        """Write down an answer to a single event or to a batch."""
        results = answer.get("results", [answer])
        with self.lock:
            self.keys |= {(each["timestamp"], each["request_id"]) for each in results if "timestamp" in each}


@dataclass(slots=True)
class Running:
    """A pipeline on a data folder.

    Args:
        process: `spillway run`.
        url: where events are posted.
        aws_url: its AWS endpoint.
        log: what it prints.
    """

    process: subprocess.Popen[bytes]
    url: str
    aws_url: str
    log: Path

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=30)

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.aws_url,
            region_name="eu-west-2",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 (the local pipeline takes any)
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )

    def command(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a command of `spillway` against it; ended after so many seconds."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"SPILLWAY_URL": self.url, "AWS_ENDPOINT_URL": self.aws_url}
        return subprocess.run(
            ["timeout", "-s", "KILL", str(seconds), str(SPILLWAY), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def status(self) -> dict[str, dict[str, int]]:
        origin = "/".join(self.url.split("/")[:3])
        with urllib.request.urlopen(f"{origin}/_local/status", timeout=30) as answer:  # noqa: S310 (loopback)
            return {row["hop"]: row for row in json.load(answer)}


def start(data: Path, logs: Path, crash_at: str = "", environment: Mapping[str, str] | None = None) -> Running | None:
    """Start the pipeline on a folder; None where it was killed before it was up."""
    config = logs / "pipeline.yaml"
    settings = yaml.safe_load(PIPELINE_FILE.read_text(encoding="utf-8"))
    settings["local"]["limits"] = "off"
    settings["table_writer"]["maximum_retry_attempts"] = RETRIES
    settings["environments"]["local"]["archive"] = {"buffer_seconds": 1, "transform_buffer_seconds": 1}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    log = logs / f"run-{time.monotonic_ns()}.log"
    command = [str(SPILLWAY), "run", "--port", "0", "--aws-port", "0", "--data", str(data), "--config", str(config)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own |= {VARIABLE: crash_at, **(environment or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=own)
    deadline = time.monotonic() + START_SECONDS
    while "\n  stop " not in log.read_text():
        if process.poll() is not None:
            assert process.returncode == -9, log.read_text()
            return None
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(log.read_text())
        time.sleep(0.02)
    urls = dict(re.findall(r"(SPILLWAY_URL|AWS_ENDPOINT_URL)=(\S+)", log.read_text()))
    return Running(process, urls["SPILLWAY_URL"], urls["AWS_ENDPOINT_URL"], log)


def send_until_dead(running: Running, ledger: Ledger, seed: int, *, seconds: float) -> bool:
    """Post, put poison, reshard, replay and compact; kill the process after so many seconds if it still lives.

    Returns:
        Whether it killed itself, at a crash point.
    """
    deadline = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_post, args=(running, ledger, random.Random(f"{seed}-{n}"), deadline))
        for n in range(CLIENTS)
    ]
    threads.append(threading.Thread(target=_disturb, args=(running, random.Random(seed), deadline)))
    threads.append(threading.Thread(target=_operate, args=(running, random.Random(seed + 1), deadline)))
    for thread in threads:
        thread.start()
    while running.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    killed_itself = not running.is_alive()
    running.kill()
    for thread in threads:
        thread.join()
    return killed_itself


def _post(running: Running, ledger: Ledger, chance: random.Random, deadline: float) -> None:
    while running.is_alive() and time.monotonic() < deadline:
        batch = [{"n": chance.random(), "text": "x" * chance.randrange(200)} for _ in range(chance.randrange(1, 60))]
        body = json.dumps(batch if chance.random() < 0.3 else batch[0]).encode()
        request = urllib.request.Request(running.url, body, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                ledger.add(json.load(answer))
        except (OSError, ValueError, urllib.error.URLError):
            time.sleep(0.01)


def _operate(running: Running, chance: random.Random, deadline: float) -> None:
    """Put back what failed, and compact the hours that are over; the commands fail when the pipeline is killed."""
    while running.is_alive() and time.monotonic() < deadline:
        command = chance.choice([["dead-letters", "replay", "--into", "raw", "--yes"], ["compact"]])
        running.command(*command, seconds=max(1.0, deadline - time.monotonic() + 5))


def _disturb(running: Running, chance: random.Random, deadline: float) -> None:
    """Put what is not an event on the stream, change the number of shards, write an object and delete it."""
    kinesis, s3 = running.client("kinesis"), running.client("s3")
    shards = 2
    while running.is_alive() and time.monotonic() < deadline:
        try:
            kinesis.put_record(StreamName=STREAM, Data=b"\xffnot an event", PartitionKey=str(chance.random()))
            s3.put_object(Bucket=DEAD_LETTERS, Key="scratch/object", Body=b"x")
            s3.delete_object(Bucket=DEAD_LETTERS, Key="scratch/object")
            if chance.random() < 0.3:
                shards = len(kinesis.list_shards(StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})["Shards"])
                target = chance.choice([max(1, shards // 2), min(8, shards * 2)])
                kinesis.update_shard_count(StreamName=STREAM, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        except (BotoCoreError, ClientError, KeyError):  # killed in the middle of an answer, which lacks members then
            pass
        time.sleep(0.2)
