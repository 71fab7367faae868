"""The simulated machine: a data folder, and one process after the other in which the pipeline runs on it.

A process is the pipeline as `spillway run` puts it together, without its listeners. Killed, it leaves what its store
had committed, and nothing else.
"""

import contextlib
import errno
import importlib
import logging
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import boto3
import botocore.useragent
from moto.moto_api._internal import mock_random

from infra.local.aws.endpoint import ACCOUNT, local_aws
from infra.local.pipeline import LocalPipeline
from infra.local.provision import provision
from infra.local.store import database as database_module
from infra.local.store import object_files
from infra.local.store.crash_points import CrashPoint
from infra.local.store.folder import MEMORY_PREFIX, DataFolder
from infra.local.store.object_files import ObjectFiles
from infra.local.store.store import Store
from infra.local.store_keeper import StoreKeeper
from infra.names import Names
from infra.settings import Settings, load
from tests.http.conftest import changed
from tests.simulation import calls
from tests.simulation.threads import WORLD, in_process

PROCESS: Final = "process"  # the group of every actor of the pipeline's process
SERVICES: Final[tuple[Any, ...]] = ("dynamodb", "s3", "kinesis", "sqs", "cloudwatch")


def settings_of(seed: int) -> Settings:
    """Small buffers and batches, so that little traffic goes every way; the rest from the seed."""
    source = random.Random(f"settings {seed}")
    return changed(
        load("local"),
        stream={"aggregate_bytes": 2048, "partition_key": source.choice((None, "/user"))},
        table_writer={"batch_size": 20, "parallelization_factor": source.choice((1, 1, 3))},
        archive={"buffer_seconds": 60, "transform_buffer_seconds": 5},
    )


class World:
    """The machine.

    Args:
        seed: of the settings.
    """

    def __init__(self, seed: int) -> None:
        self.settings = settings_of(seed)
        self.names = Names("local", ACCOUNT)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{MEMORY_PREFIX}{os.getpid()}-"))
        self.clients: dict[str, Any] = {}
        mock_random.seed(0)
        self._open()

    def _open(self) -> None:
        """Open the store, and provide what the pipeline stands on."""
        self._stack = contextlib.ExitStack()
        self._data = DataFolder(self.folder)
        self.store = Store(self._data, durable=False)
        self._stack.enter_context(local_aws(self.settings.region, "aws", self.store))
        provision(self.settings, self.names)
        self.clients = {name: boto3.client(name) for name in SERVICES}
        self.pipeline = LocalPipeline(self.settings, "local", 0, 0, store=self.store)
        self.pipeline._store = self.store

    def start(self) -> None:
        """Start the functions and what drives them, as actors of the process."""
        started = threading.Event()

        def attach() -> None:
            StoreKeeper(self.store, self.names.stream, self.settings.region).start()
            self.pipeline._attach(contextlib.ExitStack())
            started.set()

        in_process(PROCESS, "starter", attach)
        started.wait()

    def kill(self) -> None:
        """Kill the process: what its store has not committed is gone."""
        scheduler = WORLD.scheduler
        assert scheduler is not None
        scheduler.kill_group(PROCESS)
        self.store.database._connection.close()  # which rolls back
        os.close(self._data._lock)  # as the kernel does; the next one finds that the folder was left open
        self._stack.close()

    def restart(self) -> None:
        """Start the next process on what the one before left."""
        for module in ("consumers.table_writer", "producers.http_api", "archive.firehose_transform"):
            importlib.import_module(module)
        self._open()
        self.start()

    def is_drained(self) -> bool:
        """Whether nothing is on its way any more."""
        return all(worker.is_drained() for worker in self.pipeline._workers)

    def drain(self, keep_awake: Callable[[], None], seconds: float) -> bool:
        """Bring everything that is on its way to its end; an actor calls it.

        Args:
            keep_awake: keeps those who poll at their usual pace.
            seconds: after which it gives up.

        Returns:
            Whether it came to its end.
        """
        for worker in self.pipeline._workers:
            worker.drain()
        deadline = time.monotonic() + seconds
        while not self.is_drained():
            if time.monotonic() > deadline:
                return False
            keep_awake()
            time.sleep(1.0)
        return True

    def fill_disk(self) -> None:
        """Let the disk take no more: the database can't grow, no file can be written."""
        _Disk.is_full = True
        connection = self.store.database._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        """Let the disk take everything again."""
        _Disk.is_full = False
        self.store.database._connection.execute(f"PRAGMA max_page_count = {2**31}")

    def remove(self) -> None:
        """Delete the folder; the process must not run."""
        shutil.rmtree(self.folder, ignore_errors=True)


def install() -> None:
    """Put the simulation between the pipeline and its calls and files, once for a process.

    A machine is opened and thrown away, so that forks have every service's model at hand.
    """
    calls.install()
    _hand_over_at_crash_points()
    _refuse_files_of_a_full_disk()
    logging.disable(logging.CRITICAL)
    botocore.useragent.UserAgentString.to_string = lambda _self: "simulation"
    world = World(0)
    world._stack.close()
    world.store.close()
    world._data.release()
    world.remove()


class _Disk:
    is_full = False


def _hand_over_at_crash_points() -> None:
    """Let the seed choose who goes on in the middle of each use of the store, which is where a kill matters most."""

    def reached(_point: CrashPoint) -> None:
        if WORLD.scheduler is not None:
            WORLD.scheduler.hand_over()

    database_module.reached = object_files.reached = reached


def _refuse_files_of_a_full_disk() -> None:
    write = ObjectFiles._write_aside

    def write_aside(self: ObjectFiles, body: bytes) -> str:
        if _Disk.is_full:
            raise database_module.StoreFull(f"the disk takes no more ({os.strerror(errno.ENOSPC)})")
        return write(self, body)

    ObjectFiles._write_aside = write_aside
