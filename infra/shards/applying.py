"""A plan carried out: step by step, each in the journal, going on where it stopped."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from infra.shards.changing import (
    change,
    describe,
    is_done,
    parallelize,
    seconds_until_allowed,
    wait_until_active,
    wait_until_parallelized,
)
from infra.shards.errors import ScalingsUsedUp, ShardsError, StalePlan
from infra.shards.journal import Entry, Happening, Journal
from infra.shards.plan import Plan
from infra.shards.report import Clients
from infra.shards.steps import SETTLE_SECONDS, Step, count_of_shards
from infra.shards.stream import Stream, read_stream
from infra.shards.watching import Baseline, Watch
from producers.clock import SYSTEM_CLOCK, Clock

MAX_PLAN_AGE_SECONDS: Final = 6 * 3600.0  # loads change over a day
MAX_PAUSE_SECONDS: Final = 26 * 3600.0  # of a plan begun: it may have to wait for the next of ten changes in 24 hours


class Application:
    """One plan being carried out.

    Args:
        clients: boto3 clients.
        plan: to carry out.
        plan_id: of its file.
        journal: where each step is noted, and read from when going on.
        watch: looks at the stream between steps.
        by: ARN of whose credentials these are.
        clock: for times and waits.
        settle_seconds: between a step and the look at what it did.
        show: takes a line for the operator.
    """

    def __init__(
        self,
        clients: Clients,
        plan: Plan,
        plan_id: str,
        journal: Journal,
        watch: Watch,
        *,
        by: str,
        clock: Clock = SYSTEM_CLOCK,
        settle_seconds: float = SETTLE_SECONDS,
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._clients = clients
        self._plan = plan
        self._plan_id = plan_id
        self._journal = journal
        self._watch = watch
        self._by = by
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._show = show

    @property
    def next_step(self) -> int | None:
        """The step to go on with, counted from 1; None where all are done."""
        done = {entry.step for entry in self._journal.entries(self._plan_id) if entry.happening == "done"}
        return next((number for number in range(1, len(self._plan.steps) + 1) if number not in done), None)

    def check(self) -> Stream:
        """Refuse what cannot be carried out now. Nothing is changed.

        Raises:
            StalePlan: the plan is too old, or the stream has changed since.
            OnDemandStream, StreamBusy, ScalingsUsedUp: the stream cannot be changed now.
            ShardsError: it cannot be read.
        """
        stream = self._stream()
        number = self.next_step
        if number is None:
            return stream
        step = self._plan.steps[number - 1]
        self._check_age()
        if stream.arn != self._plan.stream_arn:
            raise StalePlan(f"the plan is for {self._plan.stream_arn}, this is {stream.arn}; make a new plan")
        if not self._is_begun(number):
            stream.require_reshardable()
            self._check_layout(stream, number)
            self._check_allowed(stream, step)
        return stream

    def run(self) -> None:
        """Carry out every step that is not done yet.

        Raises:
            Stopped: a look between two steps said so; run it again to go on.
            ShardsError: as with `check`, or AWS refuses a step.
        """
        self.check()
        if self.next_step is None:
            return
        baseline = self._watch.begin(self._clock.time())
        while (number := self.next_step) is not None:
            step = self._plan.steps[number - 1]
            try:
                self._carry_out(number, step, baseline)
            except ShardsError as error:
                self._note(number, step, "stopped", len(self._stream().shards), str(error))
                raise

    def _carry_out(self, number: int, step: Step, baseline: Baseline) -> None:
        began_at = self._clock.time()
        self._show(f"step {number} of {len(self._plan.steps)}: {describe(step)}")
        if step.kind == "parallelize":
            self._parallelize(number, step)
        else:
            self._reshard(number, step)
        stream = self._stream()
        self._note(number, step, "done", len(stream.shards))
        if number < len(self._plan.steps):
            self._clock.sleep(self._settle_seconds)
            shrinking = step.kind != "parallelize" and step.after < step.before
            self._watch.check(baseline, since=began_at, now=self._clock.time(), shrinking=shrinking)

    def _reshard(self, number: int, step: Step) -> None:
        if self._is_begun(number):  # and perhaps done, by a process that was ended before it could say so
            wait_until_active(self._clients.kinesis, self._plan.stream_name, step, self._clock)
        stream = self._stream()
        if not (self._is_begun(number) and is_done(step, stream.shards)):
            stream.require_reshardable()
            self._check_allowed(stream, step)
            at = "" if step.at is None else f"NewStartingHashKey {step.at}"
            self._note(number, step, "begun", len(stream.shards), at)
            change(self._clients.kinesis, stream, step, now=self._clock.time())
            wait_until_active(self._clients.kinesis, self._plan.stream_name, step, self._clock)
        after = self._stream()
        if not is_done(step, after.shards):
            raise StalePlan(
                f"{after.name} has {count_of_shards(len(after.shards))} after {describe(step)}: somebody else is at it"
            )

    def _parallelize(self, number: int, step: Step) -> None:
        if self._plan.writer_mapping is None:
            raise StalePlan("the plan does not say which event source mapping to change; make a new plan")
        self._note(number, step, "begun", len(self._plan.layout))
        parallelize(self._clients.lambda_, self._plan.writer_mapping, step)
        wait_until_parallelized(self._clients.lambda_, self._plan.writer_mapping, self._clock)

    def _check_age(self) -> None:
        now = self._clock.time()
        entries = self._journal.entries(self._plan_id)
        if entries:
            since, most = datetime.fromisoformat(entries[-1].at).timestamp(), MAX_PAUSE_SECONDS
        else:
            since, most = self._plan.made_at, MAX_PLAN_AGE_SECONDS
        if now - since > most:
            raise StalePlan(
                f"the plan is {(now - since) / 3600:,.0f} h old, over {most / 3600:,.0f} h; make a new plan"
            )

    def _check_layout(self, stream: Stream, number: int) -> None:
        layout = tuple(shard.start for shard in stream.shards)
        if number == 1 and layout != self._plan.layout:
            raise StalePlan(
                f"the open shards of {stream.name} ({len(layout):,}) are not the {len(self._plan.layout):,} that the "
                "plan was made for; make a new plan"
            )

    def _check_allowed(self, stream: Stream, step: Step) -> None:
        wait = seconds_until_allowed(stream, self._clock.time()) if step.kind == "scale" else 0.0
        if wait:
            at = datetime.fromtimestamp(self._clock.time() + wait, UTC)
            raise ScalingsUsedUp(
                f"{stream.name}: its ten changes of the last 24 hours are used up; the next is allowed at "
                f"{at:%Y-%m-%d %H:%M} UTC, run the same command again then"
            )

    def _is_begun(self, number: int) -> bool:
        """Whether this step was begun, its end not noted."""
        happenings = [entry.happening for entry in self._journal.entries(self._plan_id) if entry.step == number]
        return "begun" in happenings and "done" not in happenings

    def _stream(self) -> Stream:
        return read_stream(self._clients.kinesis, self._plan.stream_name, now=self._clock.time())

    def _note(self, number: int, step: Step, happening: Happening, shards: int, detail: str = "") -> None:
        at = datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="milliseconds")
        self._journal.add(
            Entry(
                at, self._by, self._plan_id, self._plan.stream_name, number, happening, describe(step), shards, detail
            )
        )
