"""The whole pipeline in one process: put together, started, drained, stopped."""

import contextlib
import hashlib
import importlib
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

# Handlers import these once they need them, which on Lambda one thread does. Here several might at once, and see
# packages that import themselves in a circle half made.
import aws_lambda_powertools.logging  # noqa: F401
import boto3
from botocore.config import Config

import producers.aws
from infra.functions import DEAD_LETTER_ARCHIVER, FIREHOSE_TRANSFORM, HTTP_API, TABLE_WRITER
from infra.local.aws.direct_calls import serve_directly
from infra.local.aws.endpoint import ACCOUNT, AwsEndpoint, local_aws
from infra.local.aws.kinesis.unread import UnreadRecords
from infra.local.event_sources.queue_mapping import QueueMapping
from infra.local.event_sources.stream_mapping import StreamMapping
from infra.local.firehose.delivery_stream import Firehose
from infra.local.function_output import FunctionOutput
from infra.local.functions import LocalFunction
from infra.local.gateway import Gateway, Stage
from infra.local.gateway_http import HttpDoor
from infra.local.gateway_rest import RestDoor
from infra.local.gateway_tracing import GatewayTracing
from infra.local.hop_rows import rows
from infra.local.http_server import HttpServer
from infra.local.ports import loopback_socket
from infra.local.provision import provision
from infra.local.store.checkpoints import ReaderCheckpoints
from infra.local.store.store import Store, throwaway
from infra.local.store.table_items import TableItems
from infra.local.store_keeper import StoreKeeper
from infra.local.token_bucket import TokenBucket
from infra.local.xray_daemon import XRayDaemon
from infra.names import Names
from infra.settings import Settings
from infra.status import HopStatus
from producers.validation import load_schema
from producers.wire_configuration import SWITCH as WIRE_SWITCH

if TYPE_CHECKING:
    from infra.local.worker import Worker

HTTP_THREADS: Final = 16  # requests answered at once
API_KEY_VARIABLE: Final = "SPILLWAY_API_KEY"
STORE_PATH: Final = "/_local/store"
STATUS_PATH: Final = "/_local/status"
TRACES_PATH: Final = "/_local/traces"
DRAIN_POLL_SECONDS: Final = 0.05

_log = logging.getLogger("spillway")


@dataclass(frozen=True, slots=True)
class Held:
    """What the table holds.

    Args:
        events: how many.
        since: the timestamp of the first; None where nothing is counted.
    """

    events: int
    since: str | None


class LocalPipeline:
    """The pipeline: AWS on this machine, the four functions, and what drives them.

    Use it as a context manager. What was accepted stays in the store; the resources are made anew at each start.

    Args:
        settings: of the environment.
        environment: names every resource.
        http_port: of the HTTP API; 0 takes any free one.
        aws_port: of the AWS endpoint; likewise.
        make: makes the resources by other means than `provision`, given the AWS endpoint's address, and returns the
            settings that they came out with.
        store: what is kept, open for this process; without one, a store that is gone at the end.
    """

    def __init__(
        self,
        settings: Settings,
        environment: str,
        http_port: int,
        aws_port: int,
        *,
        make: Callable[[str], Settings] | None = None,
        store: Store | None = None,
    ) -> None:
        self._settings = settings
        self._make = make
        self._given_store = store
        self.names = Names(environment, ACCOUNT)
        self._http_port = http_port
        self._aws_port = aws_port
        self._output = FunctionOutput(sys.stdout)
        self._stack = contextlib.ExitStack()
        self._workers: list[Worker] = []
        self._functions: dict[str, LocalFunction] = {}
        self.api_key = _api_key() if settings.http.api_key_required else None

    def __enter__(self) -> "LocalPipeline":
        """Start everything; the HTTP API answers when this returns.

        Raises:
            InvalidSchema: the event schema is not a JSON Schema.
            PortTaken: one of the ports is in use.
        """
        load_schema()  # the functions read it too, but only at the first request
        with contextlib.ExitStack() as stack:
            listener = loopback_socket(self._http_port, "--port")
            stack.callback(listener.close)
            endpoint = AwsEndpoint(self._aws_port)
            self._store = self._given_store or stack.enter_context(throwaway())
            stack.enter_context(local_aws(self._settings.region, self._settings.local.limits, self._store))
            endpoint.start()
            self.aws_url = endpoint.url
            stack.callback(endpoint.stop)
            self._output.install()
            stack.callback(self._output.remove)
            self._xray = XRayDaemon()
            self._xray.start()
            stack.callback(self._xray.stop)
            if self._make is None:
                provision(self._settings, self.names, _digests(self.api_key))
            else:
                self._settings = self._make(endpoint.url)
            keeper = StoreKeeper(self._store, self.names.stream, self._settings.region)
            keeper.start()
            stack.callback(keeper.stop)
            self._attach(stack)
            self.gateway = self._gateway(stack)
            self._http = HttpServer(self.gateway, listener)
            self._http.start()
            stack.callback(self._http.stop)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/{self._settings.http.stage}/app"
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything at once, what is on the way included; see `drain`."""
        self._stack.close()

    def drain(self) -> bool:
        """Take no new request, and bring every accepted event to its end: table, lake, or dead letter.

        Returns:
            Whether all of it got there within the time that the settings allow.
        """
        self._http.stop()
        for worker in self._workers:
            worker.drain()
        deadline = time.monotonic() + self._settings.local.drain_seconds
        while not all(worker.is_drained() for worker in self._workers):
            if time.monotonic() > deadline:
                return False
            time.sleep(DRAIN_POLL_SECONDS)
        return True

    @property
    def origin(self) -> str:
        """Where its port is: scheme, address and port."""
        return "/".join(self.url.split("/")[:3])

    def status(self) -> list[HopStatus]:
        """How much went through each part, in the order of the pipeline."""
        stream_mapping, queue_mapping, firehose = (worker.status() for worker in self._workers)
        return rows(self._output, stream_mapping, firehose, queue_mapping)

    def _attach(self, stack: contextlib.ExitStack) -> None:
        """Run the functions, mappings and delivery stream that the AWS APIs know of."""
        kinesis, sqs, lambda_ = self._client("kinesis"), self._client("sqs"), self._client("lambda")
        producers.aws.client.cache_clear()
        for service in ("kinesis", "dynamodb"):
            serve_directly(producers.aws.client(service))
        for module in (HTTP_API, TABLE_WRITER, FIREHOSE_TRANSFORM, DEAD_LETTER_ARCHIVER):
            self._functions[module] = self._function(lambda_, module)
            stack.callback(self._functions[module].close)
        mappings = {
            mapping["FunctionArn"].split(":")[6]: mapping  # an alias may follow
            for mapping in lambda_.list_event_source_mappings()["EventSourceMappings"]
        }
        poll_seconds = 1.0 if self._settings.local.limits == "aws" else 0.2
        self._workers = [
            StreamMapping(
                mappings[self.names.function(TABLE_WRITER)],
                self._functions[TABLE_WRITER].invoke,
                kinesis,
                sqs,
                poll_seconds=poll_seconds,
                checkpoints=self._checkpoints("stream_mapping"),
                unread=UnreadRecords(self._store.database, self._stored(self.names.stream)).count,
            ),
            QueueMapping(
                mappings[self.names.function(DEAD_LETTER_ARCHIVER)],
                self._functions[DEAD_LETTER_ARCHIVER].invoke,
                sqs,
                poll_seconds=poll_seconds,
            ),
            Firehose(
                self._client("firehose").describe_delivery_stream(DeliveryStreamName=self.names.delivery_stream),
                self._functions[FIREHOSE_TRANSFORM].invoke,
                kinesis,
                self._client("s3"),
                self._client("glue"),
                read_seconds=poll_seconds,
                checkpoints=self._checkpoints("firehose"),
                unread=UnreadRecords(self._store.database, self._stored(self.names.stream)).count,
            ),
        ]
        for worker in self._workers:
            worker.start()
            stack.callback(worker.stop)

    def held(self) -> Held:
        """How many events the table holds, and the time of the first."""
        rows = TableItems(self._store.database, self._stored(self.names.table))
        first = rows.first()
        return Held(len(rows), None if first is None else first.hash_key.decode())

    def _checkpoints(self, reader: str) -> ReaderCheckpoints:
        return ReaderCheckpoints(self._store.checkpoints, reader, self._stored(self.names.stream))

    def _stored(self, name: str) -> str:
        """A stream or a table as the store names it."""
        return f"{ACCOUNT}/{self._settings.region}/{name}"

    def _client(self, service: str) -> Any:
        """A client for the parts that AWS itself would run; they do their own retries."""
        return boto3.client(service, config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64))  # type: ignore[call-overload]

    def _function(self, lambda_: Any, module: str) -> LocalFunction:
        """A function as Lambda's API describes it, its module loaded as at a cold start."""
        described = lambda_.get_function_configuration(FunctionName=self.names.function(module))
        variables = described.get("Environment", {}).get("Variables", {})
        for name, value in variables.items():  # the wire client goes where AWS is answered over HTTP
            os.environ[name] = self.aws_url if name.startswith(WIRE_SWITCH) and value == "on" else value
        handler = importlib.reload(importlib.import_module(module)).handler
        return LocalFunction(
            described["FunctionName"], handler, described["Timeout"], described["MemorySize"], described["FunctionArn"]
        )

    def _gateway(self, stack: contextlib.ExitStack) -> Gateway:
        http = self._settings.http
        throttled = self._settings.local.limits == "aws"
        executor = stack.enter_context(ThreadPoolExecutor(HTTP_THREADS, thread_name_prefix="http"))
        stage = Stage(
            name=http.stage,
            resources=frozenset({"/app", "/health", "/openapi.json"}),
            bucket=TokenBucket(http.rate_per_second, http.burst) if throttled else None,
            account=self.names.account,
            allowed=tuple(ip_network(cidr) for cidr in http.allowed_cidrs),
            api_key=self.api_key,
            cors_origins=http.cors_origins,
        )
        tracing = GatewayTracing(f"{self.names.prefix}/{http.stage}", self._settings.tracing, self._xray.keep)
        pages = {
            STORE_PATH: lambda _query: self._store.bytes_by_part(),
            STATUS_PATH: lambda _query: [asdict(hop) for hop in self.status()],
            TRACES_PATH: self._xray.page,
        }
        return Gateway(
            stage,
            RestDoor(http.stage) if http.door == "rest" else HttpDoor(),
            self._functions[HTTP_API],
            executor=executor,
            tracing=tracing,
            local_paths=pages,
        )


def _digests(api_key: str | None) -> list[str]:
    """What a function that checks the key itself is given of it."""
    return [] if api_key is None else [hashlib.sha256(api_key.encode()).hexdigest()]


def _api_key() -> str:
    """The key that posting takes: the environment's `SPILLWAY_API_KEY`, else a new one."""
    return os.environ.get(API_KEY_VARIABLE) or secrets.token_urlsafe(24)
