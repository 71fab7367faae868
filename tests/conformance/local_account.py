"""The account of this process: the local AWS APIs, and what the local pipeline runs of AWS around them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import boto3
from botocore.config import Config

from infra.local.aws.endpoint import ACCOUNT
from infra.local.event_sources.queue_mapping import QueueMapping
from infra.local.event_sources.stream_mapping import StreamMapping
from infra.local.firehose.delivery_stream import Firehose
from infra.local.functions import InvocationResult, LocalFunction
from infra.local.gateway import Gateway, Stage
from infra.local.gateway_http import HttpDoor
from infra.local.gateway_request import Door
from infra.local.gateway_rest import RestDoor
from infra.local.gateway_tracing import GatewayTracing
from infra.local.http_server import HttpServer
from infra.local.ports import loopback_socket
from infra.local.worker import Worker
from infra.settings import Tracing
from tests.conformance.account import Account
from tests.conformance.doors import ServedDoor
from tests.conformance.ledger import Ledger

POLL_SECONDS = 0.02


class LocalAccount(Account):
    """Functions run in this process; mappings and delivery streams run as the local pipeline runs them."""

    def __init__(self) -> None:
        super().__init__(Ledger(None), patience_seconds=30.0)
        self._functions: dict[str, LocalFunction] = {}
        self._workers: list[Worker] = []
        self._open = ExitStack()

    def client(self, service: str) -> Any:
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1})
            self._clients[service] = boto3.client(service, region_name=self.region, config=config)  # type: ignore[call-overload]
        return self._clients[service]

    def pause(self) -> None:
        time.sleep(POLL_SECONDS)

    def close(self) -> list[str]:
        for worker in self._workers:
            worker.stop()
        self._open.close()
        for function in self._functions.values():
            function.close()
        return []

    def invoke_of(self, function: str) -> Callable[[Any], InvocationResult]:
        """How a function is invoked here."""
        return self._functions[function].invoke

    def throttled(self) -> str:
        self._functions["throttled"] = LocalFunction(
            "throttled", lambda _event, _context: None, 1, 128, "arn", reserved_concurrency=0
        )
        return "throttled"

    def rest_api(self, function: str, *, binary: bool) -> ServedDoor:
        return self._served(function, RestDoor("dev", binary=binary))

    def http_api(self, function: str) -> ServedDoor:
        return self._served(function, HttpDoor())

    def _served(self, function: str, door: Door) -> ServedDoor:
        stage = Stage("dev", frozenset({"/app"}), None, ACCOUNT)
        executor = ThreadPoolExecutor(4)
        tracing = GatewayTracing("conformance", Tracing(reservoir_per_second=0, sample_rate=0), lambda _segment: None)
        gateway = Gateway(stage, door, self._functions[function], executor=executor, tracing=tracing)
        listener = loopback_socket(0, "--port")
        server = HttpServer(gateway, listener)
        server.start()
        self._open.callback(executor.shutdown)
        self._open.callback(server.stop)
        return ServedDoor(f"http://127.0.0.1:{listener.getsockname()[1]}/dev")

    def _role_created(self) -> None:
        pass

    def _function_created(self, name: str, source: str, timeout_seconds: int) -> None:
        namespace: dict[str, Any] = {}
        exec(compile(source, name, "exec"), namespace)  # noqa: S102 (the suite's own source, as Lambda would run it)
        arn = self.lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        self._functions[name] = LocalFunction(name, namespace["handler"], timeout_seconds, 256, arn)

    def _mapping_created(self, mapping: dict[str, Any], function: str) -> None:
        invoke = self.invoke_of(function)
        worker: Worker
        if ":kinesis:" in mapping["EventSourceArn"]:
            worker = StreamMapping(
                mapping, invoke, self.kinesis, self.sqs, role_arn=self.role_arn, poll_seconds=POLL_SECONDS
            )
        else:
            worker = QueueMapping(mapping, invoke, self.sqs, poll_seconds=POLL_SECONDS)
        self._run(worker)

    def _delivery_stream_created(self, name: str) -> None:
        description = self.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
        destination = description["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
        processors = destination.get("ProcessingConfiguration", {}).get("Processors", [])
        parameters = {
            each["ParameterName"]: each["ParameterValue"]
            for processor in processors
            for each in processor["Parameters"]
        }
        function = parameters.get("LambdaArn", "").rpartition(":")[2]
        invoke = self.invoke_of(function) if function in self._functions else _missing
        worker = Firehose(description, invoke, self.kinesis, self.s3, self.client("glue"), read_seconds=POLL_SECONDS)
        self._run(worker)

    def _run(self, worker: Worker) -> None:
        self._workers.append(worker)
        worker.start()


def _missing(_event: Any) -> InvocationResult:
    raise LookupError("Function not found")
