"""AWS clients for the handlers, made once per process and cheap to import.

boto3 is a layer of resources and sessions over botocore; a client made by botocore is the same object at
half the import time, which is what a cold start consists of (`make bench` prints both).
"""

import functools
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore import xform_name

from producers.put_records import WiredStream
from producers.wire import Timeouts
from producers.wire_configuration import wire_client

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 10  # for the next bytes of an answer, where `READ_TIMEOUTS` has no shorter one
READ_TIMEOUTS = {"kinesis": 3, "dynamodb": 3}  # they answer in milliseconds; a hung call leaves time for another
MAX_CONNECTIONS = 32
SERVICES = ["athena", "dynamodb", "kinesis", "s3", "sqs"]  # that the handlers call


@functools.cache
def client(service: str) -> Any:
    """The client of one AWS service of `SERVICES`, with settings from the standard AWS environment.

    It does not retry by itself: the callers do, within their deadline and for failed parts only
    (`producers.retry`), and two layers of retries would multiply.
    """
    with _uncollected():
        from botocore.config import Config  # noqa: PLC0415 (a cold start pays for it only where a client is needed)

        wait = timeouts(service)
        return _session().create_client(
            service,
            config=Config(
                connect_timeout=wait.connect_seconds,
                read_timeout=wait.read_seconds,
                max_pool_connections=MAX_CONNECTIONS,
                retries={"total_max_attempts": 1, "mode": "standard"},
                parameter_validation=False,
            ),
        )


def timeouts(service: str) -> Timeouts:
    """How long a call of a service waits."""
    return Timeouts(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUTS.get(service, READ_TIMEOUT_SECONDS))


def stream_client() -> Any:
    """What puts records on a stream: the wire client where it may serve, else botocore's."""
    wired = wire_client("kinesis", timeouts("kinesis"))
    return client("kinesis") if wired is None else WiredStream(wired)


def batch_write(table: str) -> Callable[[bytes], dict[str, Any]]:
    """BatchWriteItem of one table, given the body of its request: of the wire client where it may serve."""
    wired = wire_client("dynamodb", timeouts("dynamodb"))
    if wired is None:
        return raw_operation(client("dynamodb"), "BatchWriteItem", RequestItems={table: []})
    return functools.partial(wired.call, "BatchWriteItem")


def _session() -> Any:
    """A session that knows our services, without a look into the folders of all 400 that botocore has."""
    from botocore.loaders import Loader  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    class OwnServices(Loader):
        def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 (of every type alike)
            return SERVICES

    session = get_session()
    session.register_component("data_loader", OwnServices())
    return session


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection while modules and models are loaded: all of it stays, and a look through it takes 20 ms."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def raw_operation(client: Any, operation: str, **outline: Any) -> Callable[[bytes], dict[str, Any]]:
    """A call of one operation of a JSON service whose request body the caller has written.

    botocore validates and serialises a request value by value, which for a batch of items costs more than all
    else. The body goes in by botocore's own events; signing, sending, and reading the answer stay botocore's.

    Args:
        client: of the service.
        operation: as the API names it, such as `BatchWriteItem`.
        outline: parameters that botocore itself looks at, to choose the endpoint.
    """

    def take_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["raw_body"] = params.pop("raw_body", None)

    def put_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if context.get("raw_body") is not None:
            params["body"] = context["raw_body"]

    events = client.meta.events
    service = client.meta.service_model.service_id.hyphenize()
    events.register(f"before-parameter-build.{service}.{operation}", take_body, f"take-body-{operation}")
    events.register(f"before-call.{service}.{operation}", put_body, f"put-body-{operation}")
    call = getattr(client, xform_name(operation))
    return lambda body: call(raw_body=body, **outline)
