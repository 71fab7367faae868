"""Threads, locks, time and randomness of this process, driven by a scheduler instead of by the machine.

`install` is called before anything of the pipeline is imported, so that every lock that the pipeline makes is one of
these. Conditions, events, queues and executors are Python's own: they stand on locks and threads.
"""

import itertools
import os
import queue
import random
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

import time_machine

from tests.simulation.scheduler import START, Actor, Scheduler

_REAL_MONOTONIC: Final = time.monotonic


class _World:
    """What the patched functions ask; a simulation sets its scheduler here."""

    scheduler: Scheduler | None = None
    source: random.Random = random.Random(0)
    traveller: Any = None


WORLD: Final = _World()


class Lock:
    """Stands for `threading.Lock`: who waits is an actor, and the seed chooses who gets it next."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[Actor] = []
        self._owner: Actor | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 (as `threading.Lock` has it)
        """Take it, or wait for it."""
        scheduler = WORLD.scheduler
        if not self._taken:
            self._taken = True
            self._own(scheduler.current if scheduler is not None else None)
            return True
        if not blocking or timeout == 0:
            return False
        if scheduler is None or scheduler.current is None:
            raise RuntimeError("a lock is waited for outside of a simulation, where nobody would release it")
        actor = scheduler.current
        self._waiting.append(actor)
        woken = scheduler.wait("lock", None if timeout < 0 else timeout)
        if not woken:
            self._waiting.remove(actor)
        return woken

    def release(self) -> None:
        """Give it to one of those who wait."""
        if not self._taken:
            raise RuntimeError("release unlocked lock")
        scheduler = WORLD.scheduler
        self._own(None)
        while self._waiting and scheduler is not None:
            index = scheduler.random.randrange(len(self._waiting)) if len(self._waiting) > 1 else 0
            actor = self._waiting.pop(index)
            if actor.alive:
                self._own(actor)
                scheduler.wake(actor)
                return
        self._taken = False

    def _own(self, actor: Actor | None) -> None:
        """Enter who has it, for the case that this actor is killed."""
        if self._owner is not None:
            self._owner.held.remove(self)
        self._owner = actor
        if actor is not None:
            actor.held.append(self)

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._taken

    def _at_fork_reinit(self) -> None:
        self.__init__()  # as the C lock does it

    def __enter__(self) -> bool:
        """Take it."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Release it."""
        self.release()


class Thread:
    """Stands for `threading.Thread`: it starts an actor. Its group is the process that the actor is of."""

    def __init__(
        self,
        group: str | None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        self._target, self._args, self._kwargs = target, tuple(args), dict(kwargs or {})
        self.group = group
        self.name = name or "thread"
        self.daemon = daemon
        self.ident: int | None = None
        self._ended = threading.Event()

    @property
    def native_id(self) -> int | None:
        """Stands for the kernel's number."""
        return self.ident

    def start(self) -> None:
        """Begin, when the seed chooses it."""
        if WORLD.scheduler is None:
            raise RuntimeError(f"thread {self.name} starts outside of a simulation")
        actor = WORLD.scheduler.spawn(self.name, self._bootstrap, self.group)
        self.ident = actor.ident

    def run(self) -> None:
        """What the thread does."""
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        """Whether it has begun and not ended."""
        return self.ident is not None and not self._ended.is_set()

    def _bootstrap(self) -> None:
        active = threading._active  # where `current_thread` looks
        active[self.ident] = self
        try:
            self.run()
        finally:
            self._ended.set()
            active.pop(self.ident, None)


def in_process(process: str, name: str, run: Callable[[], object]) -> None:
    """Start an actor of a process."""
    Thread(process, run, name).start()


def _ident() -> int:
    return WORLD.scheduler.ident() if WORLD.scheduler is not None else 0


def _monotonic() -> float:
    return WORLD.scheduler.monotonic() if WORLD.scheduler is not None else 0.0


def _sleep(seconds: float) -> None:
    if WORLD.scheduler is not None and WORLD.scheduler.current is not None:
        WORLD.scheduler.sleep(seconds)


def _random_bytes(count: int) -> bytes:
    return WORLD.source.randbytes(count)


def _uuid4() -> uuid.UUID:
    return uuid.UUID(bytes=_random_bytes(16), version=4)


def install() -> None:
    """Put the simulation's threads, locks, time and randomness in the place of the machine's, for good."""
    threading.Lock = threading._allocate_lock = Lock
    threading._CRLock = None  # `RLock` then is Python's own, on our locks
    threading.get_ident = _ident
    threading.Thread = Thread
    queue.SimpleQueue = queue._PySimpleQueue
    import _threading_local  # noqa: PLC0415 (stands on `current_thread`, unlike the C one)

    threading.local = _threading_local.local
    threading._active[0] = threading.main_thread()
    threading._DummyThread = lambda: Thread(name="actor")  # `current_thread` of a bare actor
    time.monotonic, time.perf_counter, time.sleep = _monotonic, _monotonic, _sleep
    counted = itertools.count(1)
    for kind in (Future, Thread, Lock):  # in a set, the order is by hash, and Python's own is the address
        kind.__hash__ = lambda self: self.__dict__.setdefault("_number", next(counted))
    threading._time = queue.time = _monotonic  # their own names for it
    time.monotonic_ns = lambda: int(_monotonic() * 1e9)
    os.urandom = random._urandom = _random_bytes
    uuid.uuid4 = _uuid4
    secrets.token_bytes = lambda nbytes=None: _random_bytes(nbytes or 32)


def begin(scheduler: Scheduler) -> None:
    """Let a scheduler drive this process from now on."""
    WORLD.scheduler = scheduler
    WORLD.source = random.Random(scheduler.random.getrandbits(64))
    random.seed(scheduler.random.getrandbits(64))
    if WORLD.traveller is None:
        WORLD.traveller = time_machine.travel(START, tick=False).start()


def show_time() -> None:
    """Set the wall clock of this process to the scheduler's."""
    if WORLD.scheduler is not None and WORLD.traveller is not None:
        WORLD.traveller.move_to(WORLD.scheduler.time())
