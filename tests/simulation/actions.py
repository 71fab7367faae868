"""Carries out what a plan says: clients post, operators run commands, and things befall the machine."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import consumers.stream_batch
from producers.event import PoisonEvent
from producers.retry import AWS_ERRORS
from tests.simulation import operators
from tests.simulation.calls import Calls
from tests.simulation.gateway import Gateway, body_of
from tests.simulation.history import History
from tests.simulation.model import Model
from tests.simulation.plan import Action
from tests.simulation.scheduler import Scheduler
from tests.simulation.threads import in_process
from tests.simulation.world import World

COMMANDS: Final = ("replay", "drain", "compact", "load")
CLOSED_SECONDS: Final = 2 * 3600.0  # after which every hour is closed, and can be compacted
LEASE_SECONDS: Final = 100.0  # after which the lease of a killed replay has run out
POLL_SECONDS: Final = 0.5
COMMAND_SECONDS: Final = 4 * 3600.0  # which no command takes


class Actions:
    """Carries out the actions of one simulation.

    Args:
        world: the machine.
        model: hears what clients hear.
        scheduler: of the actors.
        calls: of AWS.
        history: takes down what happens.
        seed: of what is drawn.
    """

    def __init__(
        self, world: World, model: Model, scheduler: Scheduler, calls: Calls, history: History, seed: int
    ) -> None:
        self._world = world
        self._model = model
        self._scheduler = scheduler
        self._calls = calls
        self._history = history
        self._random = random.Random(f"actions {seed}")
        self._gateway = Gateway(world, model, lambda: calls.outages.is_down)
        self._replays = self._compacts = False
        self.on_kill: Callable[[], None] = lambda: None

    def carry_out(self, actions: Iterable[Action]) -> None:
        """Begin each action in its time, and wait for the end of all."""
        begun = []
        for number, action in enumerate(actions):
            time.sleep(max(0.0, action.at - self._scheduler.elapsed))
            self._history.note("director", str(action))
            self._replays |= action.kind in ("replay", "bad release", "key disabled")
            self._compacts |= action.kind == "compact"
            begun.append(threading.Thread(target=partial(self._act, action, number), name=f"{action.kind} {number}"))
            begun[-1].start()
        for each in begun:
            each.join()

    def settle(self, seconds: float) -> None:
        """Bring everything to its end in calm weather: what is on its way, what is parked, and what can be put back."""
        self._calls.outages.end()
        self._world.make_room()
        self._drain(seconds)
        self._last("drain", lambda: operators.drain_queues(self._world))
        if self._replays:
            time.sleep(LEASE_SECONDS)
            self._last("replay", lambda: operators.replay(self._world, "last operator"))
            self._drain(seconds)
        if self._compacts:
            time.sleep(CLOSED_SECONDS)
            self._last("compact", lambda: operators.compact(self._world))

    def _drain(self, seconds: float) -> None:
        if not self._world.drain(self._scheduler.changed, seconds):
            self._history.note("director", "the pipeline is not empty")

    def _last(self, name: str, command: Callable[[], str]) -> None:
        self._history.note("director", f"{name}: {operators.carry_out(command, self._world)}")

    def _act(self, action: Action, number: int) -> None:
        match action.kind:
            case "post":
                self._post(action)
            case "poison":
                self._poison(action)
            case "clock":
                self._model.lease_holds = False
                self._scheduler.offset += action.value
            case "crash":
                self._crash(action.value)
            case "disk full":
                self._fill_disk(action.value)
            case "key disabled":
                self._calls.outages.disable_key(action.value)
                time.sleep(action.value)
            case "standstill":
                self._model.excused.add(action.how)
                self._calls.outages.stand_still(action.how, action.value)
                time.sleep(action.value)
            case "bad release":
                self._release_badly(action.value)
            case _:
                self._command(action, f"{action.kind} {number}")

    def _post(self, action: Action) -> None:
        body = body_of(range(action.number, action.number + action.events))
        key = f"key-{action.number}" if action.key else None
        for attempt in range(action.retries + 1):
            reply = self._gateway.post(body, key, action.patience if attempt == 0 else 30.0)
            self._note(f"answer {reply.status} to events from {action.number}")
            if reply.status in (201, 207):
                return
            time.sleep(2.0**attempt)

    def _poison(self, action: Action) -> None:
        if self._calls.outages.is_down:
            return
        kinesis, stream = operators.client("kinesis"), self._world.names.stream
        for number in range(action.number, action.number + action.events):
            data = b"not an event %d" % number
            self._model.maybe_poison[data] += 2  # the client tries twice
            try:
                kinesis.put_record(StreamName=stream, Data=data, PartitionKey=f"poison {number % 5}")
            except AWS_ERRORS as error:
                self._note(f"record {number}: {error}")
            else:
                self._model.poison[data] += 1

    def _crash(self, seconds: float) -> None:
        """Kill the process with its store behind it, and start it again."""
        if self._calls.outages.is_down:
            return
        self._calls.outages.is_down = True
        while any(actor.group != "process" for actor in self._calls.inside):
            time.sleep(0.001)  # calls from other processes are at AWS: theirs is another machine
        self._world.kill()
        self.on_kill()
        time.sleep(seconds)
        name = threading.current_thread().name
        self._calls.exempt.add(name)
        self._world.restart()
        self._calls.outages.is_down = False
        self._scheduler.changed()

    def _fill_disk(self, seconds: float) -> None:
        if self._calls.outages.is_down:
            return
        self._world.fill_disk()
        time.sleep(seconds)
        self._world.make_room()

    def _release_badly(self, seconds: float) -> None:
        """A release of the table writer that takes every event for poison, rolled back after a while."""
        decode = consumers.stream_batch.decode

        def refuse(_data: bytes) -> None:
            raise PoisonEvent("a bad release")

        consumers.stream_batch.decode = refuse
        time.sleep(seconds)
        consumers.stream_batch.decode = decode

    def _command(self, action: Action, process: str) -> None:
        """Run a command in a process of its own, to its end or its fate."""
        ended: list[str] = []
        command = self._command_of(action, process)
        if action.fate and action.kind != "load":
            self._calls.foretell(process, action.fate_call, action.value)
        in_process(process, process, lambda: ended.append(operators.carry_out(command, self._world)))
        if action.fate and action.kind == "load":  # which calls nothing of AWS
            time.sleep(action.fate_call / 100)
            self._calls.kill(process)
        deadline = self._scheduler.elapsed + COMMAND_SECONDS
        while not ended and process not in self._calls.doomed and self._scheduler.elapsed < deadline:
            time.sleep(POLL_SECONDS)
        if not ended and process in self._calls.doomed:
            operators.close_journals(process)
            self._note(f"{process} was killed")
            return
        self._note(ended[0] if ended else f"{process} does not end")
        if ended == ["loaded"]:
            self._model.loaded.update(range(action.number, action.number + 2 * action.events))

    def _command_of(self, action: Action, process: str) -> Callable[[], str]:
        match action.kind:
            case "replay":
                return partial(operators.replay, self._world, process)
            case "drain":
                return partial(operators.drain_queues, self._world)
            case "compact":
                return partial(operators.compact, self._world)
            case "load":
                return partial(operators.load_files, self._world, self._gateway, action.number, action.events, process)
            case _:
                return partial(operators.reshard, self._world, action.how, action.value, self._random)

    def _note(self, text: str) -> None:
        self._history.note(threading.current_thread().name, text)
