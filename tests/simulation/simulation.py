"""One simulation: actors, weather and checks, all from a seed."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from moto.moto_api._internal import mock_random

from tests.simulation import threads
from tests.simulation.calls import Calls, Killed
from tests.simulation.found import content_of, found, row_key, rows
from tests.simulation.history import History
from tests.simulation.model import Model, PromiseBroken
from tests.simulation.plan import HOURS, Action, plan
from tests.simulation.scheduler import Deadlock, Scheduler
from tests.simulation.weather import Strike, Weather
from tests.simulation.world import World, body_of, in_thread, killed_at_times

SETTLE_SECONDS: Final = 6 * 3600.0  # for everything on its way once the weather is calm
CHECK_STEPS: Final = 500  # between two checks of what must hold at any moment
OBSERVER: Final = "observer"
SHARES: Final = (0.0, 0.02, 0.1, 0.25)  # of calls that are hit


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a simulation.

    Args:
        seed: of it.
        events: that clients sent.
        faults: how many calls were hit.
        hours: of simulated time.
        digest: of the whole history.
        broken: the promise that does not hold; None where all do.
        struck: the calls that faults hit, for shrinking.
        lines: the end of the history, to read.
    """

    seed: int
    events: int
    faults: int
    hours: float
    digest: str
    broken: str | None
    struck: tuple[Strike, ...]
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """One line."""
        end = "ok" if self.broken is None else f"BROKEN: {self.broken}"
        counts = f"{self.events:5} events {self.faults:5} faults {self.hours:6.1f} h"
        return f"seed {self.seed:>10} {counts}  {self.digest}  {end}"


class Simulation:
    """Runs one seed; the process is used up by it.

    Args:
        seed: of everything.
        actions: what clients and operators do; None: what the seed gives.
        faults: the faults that may strike; None: all that the seed gives.
        bug: plants a bug once the pipeline has started.
    """

    def __init__(
        self,
        seed: int,
        actions: list[Action] | None = None,
        faults: Collection[Strike] | None = None,
        bug: Callable[[], None] = lambda: None,
    ) -> None:
        self._world = World(contextlib.ExitStack())
        self._seed = seed
        self._plant = bug
        self._actions = plan(seed) if actions is None else actions
        self._scheduler = Scheduler(seed, self._on_step)
        self._history = History(seed, self._scheduler.monotonic)
        share = random.Random(f"share {seed}").choice(SHARES)
        self._weather = Weather(seed, share, faults)
        self._calls = Calls(self._scheduler, self._weather, self._history)
        self._calls.exempt.add(OBSERVER)
        self._model = Model()
        self._finished = False

    def run(self) -> Result:
        """Run it to its end."""
        threads.begin(self._scheduler)
        mock_random.seed(self._seed)
        Calls.current = self._calls
        killed_at_times(lambda: self._weather.invocation(self._scheduler.elapsed))
        broken = None
        try:
            in_thread("director", self._direct)
            limit = HOURS * 3600 + 2 * SETTLE_SECONDS
            if not self._scheduler.run_until(lambda: self._finished, limit_seconds=limit):
                waiting = ", ".join(f"{actor.name} ({actor.waiting_for})" for actor in self._scheduler.actors())
                broken = f"the pipeline does not come to rest within {limit / 3600:.0f} h: {waiting}"
        except (PromiseBroken, Deadlock) as error:
            broken = str(error)
        return Result(
            self._seed,
            len(self._model.sent),
            self._history.faults.total(),
            self._scheduler.elapsed / 3600,
            self._history.digest(),
            broken,
            tuple(self._weather.struck),
            tuple(self._history.lines),
        )

    def _on_step(self, actor: str) -> None:
        threads.show_time()
        self._history.step(actor)

    def _direct(self) -> None:
        """Start the pipeline, let every action happen in its time, then calm the weather and check."""
        self._weather.calm = True
        self._world.start()
        self._plant()
        self._weather.calm = False
        actors = []
        for number, action in enumerate(self._actions):
            time.sleep(max(0.0, action.at - self._scheduler.elapsed))
            self._history.note("director", str(action))
            actors.append(in_thread(f"{action.kind} {number}", partial(self._act, action)))
        for actor in actors:
            actor.join()
        self._weather.calm = True
        self._history.note("director", "the weather is calm from now on")
        self._world.drain(self._scheduler.changed)
        in_thread(OBSERVER, self._check_at_end).join()
        self._finished = True

    def _act(self, action: Action) -> None:
        match action.kind:
            case "post":
                self._post(action)
            case "poison":
                self._poison(action)
            case "reshard":
                self._reshard(action.value)
            case "clock":
                self._scheduler.offset += action.value

    def _post(self, action: Action) -> None:
        numbers = range(action.number, action.number + action.events)
        key = f"key-{action.number}" if action.key else None
        for attempt in range(action.retries + 1):
            self._model.request(numbers, keyed=action.key)
            answer = self._world.post(body_of(action.number, action.events), f"request-{action.number}-{attempt}", key)
            status, body = _http_answer(answer)
            self._model.answer(numbers, status, body)
            self._history.note(threading.current_thread().name, f"answer {status} to events from {action.number}")
            if status in (201, 207):
                return
            time.sleep(2.0**attempt)

    def _poison(self, action: Action) -> None:
        for number in range(action.number, action.number + action.events):
            data = b"not an event %d" % number
            self._model.maybe_poison[data] += 1
            try:
                self._world.clients["kinesis"].put_record(
                    StreamName=self._world.names.stream, Data=data, PartitionKey=f"poison {number}"
                )
            except Exception as error:  # noqa: BLE001 (a producer of others: it does not try again)
                self._history.note("poison", f"record {number}: {error}")
            else:
                self._model.poison[data] += 1

    def _reshard(self, shards: int) -> None:
        kinesis, stream = self._world.clients["kinesis"], self._world.names.stream
        try:
            kinesis.update_shard_count(StreamName=stream, TargetShardCount=shards, ScalingType="UNIFORM_SCALING")
        except Exception as error:  # noqa: BLE001 (an operator sees it, and does something else)
            self._history.note("reshard", str(error))

    def _check_at_end(self) -> None:
        clients, names = self._world.clients, self._world.names
        self._model.rows_written((row_key(item), content_of(item)) for item in rows(clients["dynamodb"], names.table))
        self._model.check(found(clients, names))


def _http_answer(result: Any) -> tuple[int | None, dict[str, Any] | None]:
    """Status and body as the client gets them; None where the function failed."""
    import json  # noqa: PLC0415

    if result.error is not None:
        return 502, None
    return result.payload["statusCode"], json.loads(result.payload["body"])


__all__ = ["Killed", "Result", "Simulation"]
