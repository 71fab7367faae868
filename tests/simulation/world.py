"""The simulated process: the pipeline as `spillway run` puts it together, without its listeners."""

import contextlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import boto3
from moto.moto_api._internal import mock_random

from infra.functions import HTTP_API
from infra.local.aws.endpoint import ACCOUNT, local_aws
from infra.local.functions import FunctionError, InvocationResult, LocalFunction
from infra.local.pipeline import LocalPipeline
from infra.local.provision import provision
from infra.local.store.store import throwaway
from infra.names import Names
from infra.settings import Settings, load
from tests.http.conftest import changed
from tests.simulation import calls

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "stream": {"aggregate_bytes": 2048},
    "table_writer": {"batch_size": 20},
    "archive": {"buffer_seconds": 60, "transform_buffer_seconds": 5},
}

SERVICES: Final[tuple[Any, ...]] = ("dynamodb", "s3", "kinesis", "sqs")


class Silence:
    """Takes what the functions print."""

    def write(self, text: str) -> int:
        """Drop it."""
        return len(text)

    def flush(self) -> None:
        """Nothing is held."""


class World:
    """One process with a pipeline in it.

    Args:
        stack: ends what it holds.
    """

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.settings: Settings = changed(load("local"), **SETTINGS)
        self.names = Names("local", ACCOUNT)
        self.stack = stack
        mock_random.seed(0)
        calls.install()
        store = stack.enter_context(throwaway())
        stack.enter_context(local_aws(self.settings.region, "aws", store))
        provision(self.settings, self.names)
        self.clients: dict[str, Any] = {name: boto3.client(name) for name in SERVICES}
        logging.disable(logging.CRITICAL)
        self.pipeline = LocalPipeline(self.settings, "local", 0, 0, store=store)
        self.pipeline._store = store

    def start(self) -> None:
        """Start the functions and what drives them; an actor calls it."""
        sys.stdout = Silence()  # handlers print their metrics
        self.pipeline._attach(self.stack)

    def post(self, body: bytes, request_id: str, key: str | None) -> InvocationResult:
        """A request, as API Gateway hands it to the function."""
        headers = {"content-type": "application/x-ndjson"} | ({"idempotency-key": key} if key else {})
        event = {
            "resource": "/app",
            "path": "/app",
            "httpMethod": "POST",
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "requestContext": {
                "requestId": request_id,
                "stage": "dev",
                "requestTimeEpoch": int(time.time() * 1000),
                "identity": {"sourceIp": "203.0.113.9", "userAgent": "simulation"},
            },
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        return self.pipeline._functions[HTTP_API].invoke(event)

    def drain(self, keep_awake: Callable[[], None]) -> None:
        """Bring everything that is on its way to its end; an actor calls it.

        Args:
            keep_awake: keeps those who poll at their usual pace.
        """
        for worker in self.pipeline._workers:
            worker.drain()
        while not all(worker.is_drained() for worker in self.pipeline._workers):
            keep_awake()
            time.sleep(1.0)


def killed_at_times(draw: Callable[[], str | None]) -> None:
    """Let whole invocations be killed before or after their work, for good: `draw` says when.

    Args:
        draw: "killed before", "killed after" or None.
    """
    invoke = LocalFunction.invoke

    def may_be_killed(self: LocalFunction, event: Any) -> InvocationResult:
        fault = draw()
        if fault == "killed before":
            return InvocationResult(None, FunctionError("Runtime.ExitError", "killed"), "simulated")
        result = invoke(self, event)
        return InvocationResult(None, FunctionError("Runtime.ExitError", "killed"), "simulated") if fault else result

    LocalFunction.invoke = may_be_killed  # type: ignore[method-assign] # the process is the simulation's own


def body_of(first: int, events: int) -> bytes:
    """The body of a post: so many events, numbered."""
    return "\n".join(
        json.dumps({"n": number, "text": "x" * (number % 97)}) for number in range(first, first + events)
    ).encode()


def in_thread(name: str, run: Callable[[], None]) -> threading.Thread:
    """Start an actor."""
    thread = threading.Thread(target=run, name=name)
    thread.start()
    return thread
