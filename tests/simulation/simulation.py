"""One simulation: actors, weather and checks, all from a seed."""

import random
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from moto.moto_api._internal import mock_random

from infra.local.functions import FunctionError, InvocationResult, LocalFunction
from tests.simulation import threads
from tests.simulation.actions import Actions
from tests.simulation.audited import check_audit
from tests.simulation.calls import Calls
from tests.simulation.deliveries import disorder
from tests.simulation.found import found
from tests.simulation.history import History
from tests.simulation.model import Model, PromiseBroken
from tests.simulation.plan import Action, plan
from tests.simulation.scheduler import OUTSIDE, Deadlock, Scheduler
from tests.simulation.watch import Watch
from tests.simulation.weather import Strike, Weather
from tests.simulation.world import World

LIMIT_SECONDS: Final = 72 * 3600.0  # of simulated time, for all of it
SETTLE_SECONDS: Final = 4 * 3600.0  # for what is on its way once the weather is calm
SHARES: Final = (0.0, 0.02, 0.1, 0.25)  # of calls that are hit
AUDITED: Final = 4  # of so many seeds, one ends with an audit


class Silence:
    """Takes what functions and commands print."""

    def write(self, text: str) -> int:
        """Drop it."""
        return len(text)

    def flush(self) -> None:
        """Nothing is held."""

    def isatty(self) -> bool:
        """It is not a terminal."""
        return False


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
        self._seed = seed
        self._plant = bug
        self._actions = plan(seed) if actions is None else actions
        self._world = World(seed)
        self._scheduler = Scheduler(seed, self._on_step)
        self._history = History(seed, self._scheduler.monotonic)
        share = random.Random(f"share {seed}").choice(SHARES)
        self._weather = Weather(seed, share, faults)
        self._calls = Calls(self._scheduler, self._weather, self._history)
        self._model = Model()
        self._acts = Actions(self._world, self._model, self._scheduler, self._calls, self._history, seed)
        self._finished = False

    def run(self) -> Result:
        """Run it to its end."""
        threads.begin(self._scheduler)
        mock_random.seed(self._seed)
        Calls.current = self._calls
        broken = None
        output = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = Silence()
        try:
            threads.in_process(OUTSIDE, "director", self._direct)
            if not self._scheduler.run_until(lambda: self._finished, limit_seconds=LIMIT_SECONDS):
                waiting = ", ".join(f"{actor.name} ({actor.waiting_for})" for actor in self._scheduler.actors())
                broken = f"the pipeline does not come to rest within {LIMIT_SECONDS / 3600:.0f} h: {waiting}"
        except (PromiseBroken, Deadlock) as error:
            broken = str(error)
        finally:
            sys.stdout, sys.stderr = output
            self._world.remove()
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
        self._calls.exempt |= {"director", "starter"}
        self._weather.calm = True
        watch = Watch(self._world, self._model, self._scheduler.fail)
        self._acts.on_kill = watch.restarted
        _watch_invocations(watch, self._weather, self._scheduler)
        disorder(lambda: self._weather.delivery(self._scheduler.elapsed), self._scheduler.random)
        self._world.start()
        self._plant()
        self._weather.calm = False
        self._acts.carry_out(self._actions)
        self._weather.calm = True
        self._history.note("director", "the weather is calm from now on")
        self._acts.settle(SETTLE_SECONDS)
        state = found(self._world)
        self._model.check(state)
        if self._seed % AUDITED == 0:
            check_audit(self._world, self._model, state)
        self._finished = True


def _watch_invocations(watch: Watch, weather: Weather, scheduler: Scheduler) -> None:
    """Show invocations to the watch; the weather kills some, before or after their work."""
    invoke = LocalFunction.invoke

    def watched(self: LocalFunction, event: Any) -> InvocationResult:
        fault = weather.invocation(scheduler.elapsed)
        if fault == "killed before":
            return InvocationResult(None, FunctionError("Runtime.ExitError", "killed"), "simulated")
        watch.delivered(self.name, event)
        result = invoke(self, event)
        if fault:
            return InvocationResult(None, FunctionError("Runtime.ExitError", "killed"), "simulated")
        watch.answered(self.name, event, result)
        return result

    LocalFunction.invoke = watched
