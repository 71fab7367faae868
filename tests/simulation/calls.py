"""Every AWS call of the simulated process: taken down, delayed, hit by the weather, and a point to hand over at."""

import json
import random
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.handlers import BUILTIN_HANDLERS

from tests.simulation.history import History
from tests.simulation.outages import Outages
from tests.simulation.scheduler import Actor, Scheduler
from tests.simulation.weather import SLOW_SECONDS, TIME_OUT_SECONDS, Weather

SERVICES: Final = ("kinesis", "dynamodb", "sqs", "s3", "firehose", "glue", "lambda", "cloudwatch", "athena")
READS: Final = ("Get", "List", "Describe", "Head", "Receive", "Scan", "Query", "Batch Get")
THROTTLED: Final = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}
CALL_SECONDS: Final = (0.001, 0.030)
FUNCTION: Final = "lambda "  # how the names of the actors that run handlers begin


class Killed(BaseException):
    """The execution environment is gone, in the middle of a handler."""


@dataclass(slots=True)
class _Fate:
    """What is to become of a process, and after how many calls."""

    calls: int
    suspended_seconds: float


class Calls:
    """What happens at each call; `current` names the simulation that this process is at.

    Args:
        scheduler: of the simulation.
        weather: its faults.
        history: takes down calls and answers.
    """

    current: "Calls | None" = None

    def __init__(self, scheduler: Scheduler, weather: Weather, history: History) -> None:
        self.scheduler = scheduler
        self.weather = weather
        self.history = history
        self.outages = Outages(scheduler.monotonic)
        self.exempt: set[str] = set()  # names of actors whose calls no fault hits: the checks at the end
        self.inside: set[Actor] = set()  # those whose call AWS is at
        self.doomed: set[str] = set()  # processes that are killed, but for the calls that AWS is at
        self.suspended_until: dict[str, float] = {}  # by process
        self._fates: dict[str, _Fate] = {}

    def foretell(self, group: str, calls: int, suspended_seconds: float) -> None:
        """Let a process be killed, or suspended for so long, right behind one of its calls, before it has the answer.

        Args:
            group: the process.
            calls: the number of the call, from 1.
            suspended_seconds: 0: it is killed.
        """
        self._fates[group] = _Fate(calls, suspended_seconds)

    def kill(self, group: str) -> None:
        """Kill a process that calls AWS. A call that AWS is at takes effect, and nobody hears of it."""
        self.doomed.add(group)
        for actor in self.scheduler.of_group(group):
            if actor not in self.inside:
                self.scheduler.kill(actor)

    def _meet_fate(self, actor: Actor) -> None:
        fate = self._fates.get(actor.group)
        if fate is None:
            return
        fate.calls -= 1
        if fate.calls:
            return
        del self._fates[actor.group]
        self.history.note(actor.name, f"{actor.group} is {'suspended' if fate.suspended_seconds else 'killed'}")
        if fate.suspended_seconds:
            self.suspended_until[actor.group] = self.scheduler.elapsed + fate.suspended_seconds
        else:
            self.kill(actor.group)

    def before(self, model: Any, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """A call is about to be made: an answer from here keeps it from AWS."""
        actor = self.scheduler.current
        if actor is None:
            return None
        operation = model.name
        self.history.call(actor.name, operation, _request(params))
        self.scheduler.sleep(self.scheduler.random.uniform(*CALL_SECONDS))
        if operation != "PutRecords":
            self._stand_still(actor)
        answer = None
        if actor.name not in self.exempt:
            answer = self._faulty(actor, model, params, context)
        if answer is None:
            self.inside.add(actor)
        return answer

    def _faulty(self, actor: Actor, model: Any, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """Let outages and the weather have a call."""
        operation = model.name
        if self.outages.is_down:
            raise EndpointConnectionError(endpoint_url=params["url"])
        if code := self.outages.error_of(actor.name, model.service_model.service_name, operation):
            self.history.fault(actor.name, operation, code)
            return _error(code, 400)
        of_function = actor.name.startswith(FUNCTION)
        strike, fault = self.weather.draw(self.scheduler.elapsed, operation, of_function=of_function)
        if not operation.startswith(READS):
            self.scheduler.changed()
        if fault is None:
            return None
        self.history.fault(actor.name, operation, fault)
        context["simulated"] = fault
        answer = self._struck(fault, params, random.Random(f"{self.weather.seed}/{strike}"), context)
        if self.outages.is_down:  # by now
            raise EndpointConnectionError(endpoint_url=params["url"])
        return answer

    def _stand_still(self, actor: Actor) -> None:
        """Wait while the process is suspended.

        `before` leaves out puts on the stream: docs/reliability.md names the moment between a lease that is confirmed
        and the put right behind it.
        """
        until = self.suspended_until.get(actor.group, 0.0)
        if until > self.scheduler.elapsed:
            self.history.note(actor.name, f"stands still for {until - self.scheduler.elapsed:.0f} s")
            self.scheduler.sleep(until - self.scheduler.elapsed)

    def left(self) -> None:
        """AWS is done with a call."""
        actor = self.scheduler.current
        if actor is None:
            return
        self.inside.discard(actor)
        self._meet_fate(actor)
        if actor.group in self.doomed:
            self.scheduler.kill(actor)
            self.scheduler.wait("nothing: it was killed")
        self._stand_still(actor)

    def _struck(self, fault: str, params: dict[str, Any], source: random.Random, context: dict[str, Any]) -> Any:
        match fault:
            case "slow":
                self.scheduler.sleep(source.uniform(0.5, SLOW_SECONDS))
            case "no connection":
                raise ConnectTimeoutError(endpoint_url=params["url"])
            case "time-out":
                self.scheduler.sleep(TIME_OUT_SECONDS)
                raise ReadTimeoutError(endpoint_url=params["url"])
            case "killed before":
                raise Killed
            case "partial":
                context["refused"] = _keep_some(params, source)
            case "unprocessed":
                context["refused"] = _keep_some_items(params, source)
            case "lost answer" | "killed after" | "cut":
                pass  # after the call
            case code:
                return _error(code, 503)
        return None

    def after(self, model: Any, parsed: dict[str, Any], context: dict[str, Any]) -> None:
        """A call was answered."""
        if self.scheduler.current is None:
            return
        self.left()
        if parsed.get("Records") or parsed.get("Messages"):
            self.scheduler.changed()
        match context.get("simulated"):
            case "lost answer":
                raise ReadTimeoutError(endpoint_url="simulated")
            case "killed after":
                raise Killed
            case "cut":
                for member in [each for each in parsed if each != "ResponseMetadata"]:
                    del parsed[member]
            case "partial" if "Records" in parsed:
                taken = iter(parsed["Records"])
                refused = context["refused"]
                parsed["Records"] = [dict(THROTTLED) if each else next(taken) for each in refused]
                parsed["FailedRecordCount"] = parsed.get("FailedRecordCount", 0) + sum(refused)
            case "unprocessed" if "Error" not in parsed:
                unprocessed = parsed.setdefault("UnprocessedItems", {})
                for table, requests in context["refused"].items():
                    unprocessed.setdefault(table, []).extend(requests)
        self.history.answer(model.name, parsed)


def _error(code: str, status: int) -> tuple[SimpleNamespace, dict[str, Any]]:
    error = {"Error": {"Code": code, "Message": "simulated"}}
    return SimpleNamespace(status_code=status), {**error, "ResponseMetadata": {"HTTPStatusCode": status}}


def _request(params: dict[str, Any]) -> bytes:
    body = params.get("body")
    if isinstance(body, dict):
        body = repr(sorted(body.items())).encode()
    if isinstance(body, str):
        body = body.encode()
    return params["url_path"].encode() + b" " + (body if isinstance(body, bytes) else b"")


def _keep_some(params: dict[str, Any], source: random.Random) -> list[bool]:
    """Take some records out of a PutRecords request; which are refused. At least one record stays."""
    body = json.loads(params["body"])
    records = body["Records"]
    refused = [source.random() < 0.5 for _ in records]
    if all(refused):
        refused[source.randrange(len(refused))] = False
    body["Records"] = [record for record, out in zip(records, refused, strict=True) if not out]
    params["body"] = json.dumps(body).encode()
    return refused


def _keep_some_items(params: dict[str, Any], source: random.Random) -> dict[str, list[Any]]:
    """Take some items out of a BatchWriteItem request; those, as `UnprocessedItems` lists them."""
    body = json.loads(params["body"])
    ((table, requests),) = body["RequestItems"].items()
    kept = source.randrange(1, len(requests) + 1)
    body["RequestItems"] = {table: requests[:kept]}
    params["body"] = json.dumps(body).encode()
    return {table: requests[kept:]} if requests[kept:] else {}


def install() -> None:
    """Let every client that is made from now on ask `Calls.current`."""

    def before(model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any) -> Any:
        return None if Calls.current is None else Calls.current.before(model, params, context)

    def after(model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if Calls.current is not None:
            Calls.current.after(model, parsed, context)

    def failed(**_: Any) -> None:
        if Calls.current is not None:
            Calls.current.left()

    for service in SERVICES:
        BUILTIN_HANDLERS.append((f"after-call-error.{service}", failed))
        BUILTIN_HANDLERS.insert(0, (f"before-call.{service}", before))
        BUILTIN_HANDLERS.append((f"after-call.{service}", after))
