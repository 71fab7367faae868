"""Every AWS call of the simulated process: taken down, delayed, hit by the weather, and a point to hand over at."""

import json
import random
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.handlers import BUILTIN_HANDLERS

from tests.simulation.history import History
from tests.simulation.scheduler import Scheduler
from tests.simulation.weather import SLOW_SECONDS, TIME_OUT_SECONDS, Weather

SERVICES: Final = ("kinesis", "dynamodb", "sqs", "s3", "firehose", "glue", "lambda", "cloudwatch", "athena")
READS: Final = ("Get", "List", "Describe", "Head", "Receive", "Scan", "Query", "Batch Get")
THROTTLED: Final = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}
CALL_SECONDS: Final = (0.001, 0.030)
FUNCTION: Final = "lambda "  # how the names of the actors that run handlers begin


class Killed(BaseException):
    """The execution environment is gone, in the middle of a handler."""


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
        self.exempt: set[str] = set()  # names of actors whose calls no fault hits: the checks at the end

    def before(self, model: Any, params: dict[str, Any], context: dict[str, Any]) -> Any:
        """A call is about to be made: an answer from here keeps it from AWS."""
        actor = self.scheduler.current
        if actor is None:
            return None
        operation = model.name
        self.history.call(actor.name, operation, _request(params))
        self.scheduler.sleep(self.scheduler.random.uniform(*CALL_SECONDS))
        if actor.name in self.exempt:
            return None
        of_function = actor.name.startswith(FUNCTION)
        strike, fault = self.weather.draw(self.scheduler.elapsed, operation, of_function=of_function)
        if not operation.startswith(READS):
            self.scheduler.changed()
        if fault is None:
            return None
        self.history.fault(actor.name, operation, fault)
        context["simulated"] = fault
        return self._struck(fault, params, random.Random(f"{self.weather.seed}/{strike}"), context)

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
                error = {"Error": {"Code": code, "Message": "simulated"}}
                return SimpleNamespace(status_code=503), {**error, "ResponseMetadata": {"HTTPStatusCode": 503}}
        return None

    def after(self, model: Any, parsed: dict[str, Any], context: dict[str, Any]) -> None:
        """A call was answered."""
        if self.scheduler.current is None:
            return
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

    for service in SERVICES:
        BUILTIN_HANDLERS.insert(0, (f"before-call.{service}", before))
        BUILTIN_HANDLERS.append((f"after-call.{service}", after))
