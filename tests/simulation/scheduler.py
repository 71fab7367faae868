"""One seeded scheduler under a virtual clock: exactly one actor runs at a time, and hands over where it would wait.

An actor is a greenlet. It hands over when it sleeps, when it waits for a lock, and at each AWS call
(`tests.simulation.calls`). The scheduler picks the next actor by the seed. When every actor waits, the clock jumps to
the earliest end of a wait, so no real time passes.

An actor that polls and changes nothing is woken less and less often (`Scheduler.changed`). A slow reader is a legal
order of steps, and idle hours cost little.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import greenlet

START: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z, when every simulation begins
OUTSIDE: Final = "outside"  # the process of actors that belong to none
QUIET_CYCLES: Final = 3  # waits of an actor without any change in the pipeline, before its waits are stretched
LONGEST_STRETCH_SECONDS: Final = 200.0  # an iterator of Kinesis lives for 300


class Deadlock(Exception):
    """Every actor waits for another one; the message names them."""


class Actor:
    """One thread of the pipeline, or one client.

    Args:
        name: for the history.
        run: what it does; its end is the actor's end. It gets what the first switch passes.
        ident: what `threading.get_ident` returns for it.
        group: the process that it is a thread of; what it starts is of the same one.
    """

    def __init__(self, name: str, run: Callable[[bool], None], ident: int, group: str) -> None:
        self.name = name
        self.group = group
        self.held: list[Any] = []  # the locks that it has taken
        self.ident = ident
        self.greenlet = greenlet.greenlet(run)
        self.killed = False
        self.waiting_for: str | None = None
        self.wake_up: object | None = None  # the token of the wait under way
        self.quiet_cycles = 0
        self.seen_change = -1
        self.usual_seconds = 0.0  # of a wait that was stretched

    @property
    def alive(self) -> bool:
        """Whether it may run again."""
        return not self.killed and not self.greenlet.dead


@dataclass(order=True, slots=True)
class _Alarm:
    """The end of a timed wait."""

    at: float
    number: int
    actor: Any = None
    token: Any = None


class Scheduler:
    """Runs actors one at a time, in an order that the seed alone decides.

    Args:
        seed: of the order, and of everything else that is drawn.
        on_step: called with the name of each actor that gets its turn, for the history.
    """

    def __init__(self, seed: int, on_step: Callable[[str], None] = lambda _name: None) -> None:
        self.random = random.Random(seed)
        self.elapsed = 0.0  # on the monotonic clock
        self.offset = START  # of the wall clock to the monotonic one; a step of the wall clock changes it
        self.steps = 0
        self._on_step = on_step
        self._hub = greenlet.getcurrent()
        self._ready: list[Actor] = []
        self._alarms: list[_Alarm] = []
        self._numbers = itertools.count(1)
        self._change = 0
        self._stretched_waits: list[tuple[Actor, object]] = []
        self._actors: dict[int, Actor] = {}
        self._running: Actor | None = None
        self._failure: BaseException | None = None

    # What actors call.

    @property
    def current(self) -> Actor | None:
        """The actor whose turn it is; None outside of all."""
        return self._running

    def ident(self) -> int:
        """Stands for `threading.get_ident`."""
        return self._running.ident if self._running is not None else 0

    def time(self) -> float:
        """Seconds since the epoch, on the simulated wall clock."""
        return self.offset + self.elapsed

    def monotonic(self) -> float:
        """Seconds on the simulated monotonic clock."""
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        """Wait so long, or longer where nothing happens in the pipeline."""
        self.wait("sleep", max(0.0, seconds))

    def changed(self) -> None:
        """Say that the pipeline's state has changed, so that those who poll look again at their usual pace."""
        self._change += 1
        for actor, token in self._stretched_waits:
            if actor.wake_up is token:
                at = self.elapsed + actor.usual_seconds
                heapq.heappush(self._alarms, _Alarm(at, next(self._numbers), actor, token))
        self._stretched_waits.clear()

    def hand_over(self) -> None:
        """Let the seed choose who goes on."""
        actor = self._running
        if actor is not None:
            self._ready.append(actor)
            self._hub.switch()

    def wait(self, what: str, seconds: float | None = None) -> bool:
        """Wait until `wake` is called, or so long.

        Returns:
            Whether it was woken; False when the time was up.
        """
        actor = self._running
        if actor is None:
            raise Deadlock(f"{what}: waiting outside of an actor would last for ever")
        actor.waiting_for = what
        actor.wake_up = token = object()
        if seconds is not None:
            at = self.elapsed + self._stretched(actor, seconds, token)
            heapq.heappush(self._alarms, _Alarm(at, next(self._numbers), actor, token))
        woken = self._hub.switch()
        actor.waiting_for = None
        return bool(woken)

    def wake(self, actor: Actor) -> None:
        """End an actor's wait; it goes on when the seed chooses it."""
        actor.wake_up = None
        if actor.alive:
            self._ready.append(actor)

    def spawn(self, name: str, run: Callable[[], object], group: str | None = None) -> Actor:
        """Make an actor and let it begin when the seed chooses it.

        Args:
            name: for the history.
            run: what it does.
            group: its process; that of the running actor where it is left out.
        """
        number = next(self._numbers)

        def guarded(_woken: bool) -> None:  # noqa: FBT001 (what the first switch passes)
            try:
                run()
            except greenlet.GreenletExit:
                pass
            except BaseException as error:  # noqa: BLE001 (the edge of an actor: the whole simulation fails by it)
                self._failure = self._failure or error

        own = self._running.group if self._running is not None else OUTSIDE
        actor = Actor(name, guarded, number, group or own)
        actor.greenlet.parent = self._hub
        self._actors[actor.ident] = actor
        self._ready.append(actor)
        return actor

    def fail(self, error: BaseException) -> None:
        """End the simulation with an error, also where the running actor catches it."""
        self._failure = self._failure or error

    def kill(self, actor: Actor) -> None:
        """Never let an actor run again: its code stops where it is, and no `finally` runs.

        The locks that it holds are released: a real process takes its locks with it, and here another goes on in it.
        """
        actor.killed = True
        for lock in list(actor.held):
            if lock.locked():
                lock.release()

    def kill_group(self, group: str) -> None:
        """Kill every actor of a process."""
        for actor in self.of_group(group):
            actor.killed = True
        for actor in self._actors.values():
            if actor.group == group:
                self.kill(actor)

    def of_group(self, group: str) -> list[Actor]:
        """The actors of a process that live."""
        return [actor for actor in self.actors() if actor.group == group]

    def actors(self) -> list[Actor]:
        """Those that live."""
        return [actor for actor in self._actors.values() if actor.alive]

    # What the simulation calls.

    def run_until(self, done: Callable[[], bool], *, limit_seconds: float) -> bool:
        """Run actors until something holds, or for so much simulated time.

        Returns:
            Whether it holds.

        Raises:
            Deadlock: every actor waits for another.
            BaseException: what an actor raised.
        """
        end = self.elapsed + limit_seconds
        while not done():
            if self._ready:
                self._step()
            elif not self._advance(end):
                return done()
        return True

    def _step(self) -> None:
        index = self.random.randrange(len(self._ready)) if len(self._ready) > 1 else 0
        actor = self._ready.pop(index)
        if actor.alive:
            self._resume(actor, woken=True)

    def _resume(self, actor: Actor, *, woken: bool) -> None:
        self.steps += 1
        self._on_step(actor.name)
        self._running = actor
        try:
            actor.greenlet.switch(woken)
        finally:
            self._running = None
        if actor.greenlet.dead:
            self._actors.pop(actor.ident, None)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _advance(self, end: float) -> bool:
        """Jump to the end of the earliest timed wait; False where `end` comes first."""
        while self._alarms:
            alarm = self._alarms[0]
            if alarm.actor.wake_up is not alarm.token or not alarm.actor.alive:
                heapq.heappop(self._alarms)
                continue
            if alarm.at > end:
                self.elapsed = end
                return False
            heapq.heappop(self._alarms)
            self.elapsed = max(self.elapsed, alarm.at)
            alarm.actor.wake_up = None
            self._resume(alarm.actor, woken=False)
            return True
        waiting = sorted(f"{actor.name} ({actor.waiting_for})" for actor in self.actors())
        raise Deadlock(f"every actor waits for another: {', '.join(waiting)}")

    def _stretched(self, actor: Actor, seconds: float, token: object) -> float:
        if actor.seen_change != self._change:
            actor.seen_change, actor.quiet_cycles = self._change, 0
            return seconds
        actor.quiet_cycles += 1
        if actor.quiet_cycles <= QUIET_CYCLES or seconds <= 0 or seconds >= LONGEST_STRETCH_SECONDS:
            return seconds
        doublings = min(actor.quiet_cycles - QUIET_CYCLES, 40)
        actor.usual_seconds = seconds
        self._stretched_waits.append((actor, token))
        # Drawn, so that those who poll don't meet at the same moments for ever.
        return min(seconds * 2.0**doublings, LONGEST_STRETCH_SECONDS) * self.random.uniform(0.5, 1.0)
