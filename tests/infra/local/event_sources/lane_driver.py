"""A lane of a stream's event source mapping, driven step by step on a clock that stands still."""

import math
from typing import Any

from infra.local.event_sources.mapping_settings import StreamMappingSettings
from infra.local.event_sources.stream_batches import Lane
from infra.local.event_sources.stream_records import ShardEvents, StreamRecord
from infra.local.event_sources.stream_steps import GiveUp, Invoke, Wait
from infra.local.functions import FunctionError, InvocationResult
from tests.clock import FakeClock

STREAM = "arn:aws:kinesis:eu-west-2:123456789012:stream/events"
FUNCTION = "arn:aws:lambda:eu-west-2:123456789012:function:writer"
EVENTS = ShardEvents("shardId-000000000000", STREAM, "arn:aws:iam::123456789012:role/writer")
FIRST_SEQUENCE_NUMBER = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898

OK = InvocationResult(None, None, "request")
CRASH = InvocationResult(None, FunctionError("KeyError", "'x'"), "request")


def settings(**changes: Any) -> StreamMappingSettings:
    return StreamMappingSettings("uuid", FUNCTION, STREAM, **changes)


def sequence_number(n: int) -> str:
    return str(FIRST_SEQUENCE_NUMBER + n)


def record(n: int, *, arrived_at: float, data: bytes | None = None) -> StreamRecord:
    return StreamRecord(f"key {n}", sequence_number(n), b"%d" % n if data is None else data, arrived_at)


def answer_naming(*numbers: int) -> InvocationResult:
    failures = [{"itemIdentifier": sequence_number(n)} for n in numbers]
    return InvocationResult({"batchItemFailures": failures}, None, "request")


class Driver:
    """A lane, a clock, and the steps taken so far."""

    def __init__(self, *, max_age_seconds: float = math.inf, **changes: Any) -> None:
        self.clock = FakeClock()
        self.lane = Lane(settings(**changes), EVENTS, max_age_seconds, self.clock, jitter=lambda: 0.5)

    def put(self, *numbers: int, data: bytes | None = None) -> None:
        for n in numbers:
            self.lane.add(record(n, arrived_at=self.clock.time(), data=data))

    def step(self, *, flush: bool = False) -> list[int] | GiveUp | None:
        """The numbers to invoke with, the records to give up, or None where there is nothing to do now."""
        step = self.lane.next_step(flush=flush)
        if isinstance(step, Invoke):
            return numbers_of(step.records)
        return step if isinstance(step, GiveUp) else None

    def wait(self) -> list[int] | GiveUp | None:
        """The same after waiting for as long as the lane says."""
        step = self.lane.next_step()
        if isinstance(step, Wait) and step.until is not None:
            self.clock.advance(max(0.0, step.until - self.clock.monotonic()))
        return self.step()

    def settle(self, result: InvocationResult) -> str:
        return self.lane.settle(result)

    def run(self, function: Any) -> list[list[int] | GiveUp]:
        """Do every step there is, answering invocations by `function(numbers)`."""
        done: list[list[int] | GiveUp] = []
        while (step := self.wait()) is not None:
            done.append(step)
            if isinstance(step, GiveUp):
                self.lane.released()
            else:
                self.settle(function(step))
        return done


def numbers_of(records: tuple[StreamRecord, ...]) -> list[int]:
    return [int(each.sequence_number) - FIRST_SEQUENCE_NUMBER for each in records]


def crash_with(*poison: int) -> Any:
    return lambda numbers: CRASH if set(poison) & set(numbers) else OK


def name_failed(*failing: int) -> Any:
    return lambda numbers: answer_naming(*[n for n in numbers if n in failing])


def given_up(steps: list[list[int] | GiveUp]) -> list[GiveUp]:
    return [step for step in steps if isinstance(step, GiveUp)]
