"""AWS clients for the handlers, made once per process and cheap to import.

boto3 is a layer of resources and sessions over botocore; a client made by botocore is the same object at
half the import time, which is what a cold start consists of (`make bench` prints both).
"""

import functools
from collections.abc import Callable
from typing import Any

from botocore import xform_name

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 10
MAX_CONNECTIONS = 32


@functools.cache
def client(service: str) -> Any:
    """The client of one AWS service, such as `kinesis`, with settings from the standard AWS environment.

    It does not retry by itself: the callers do, within their deadline and for failed parts only
    (`producers.retry`), and two layers of retries would multiply.
    """
    import botocore.session  # noqa: PLC0415 (a cold start pays for it only where a client is needed)
    from botocore.config import Config  # noqa: PLC0415

    return botocore.session.get_session().create_client(
        service,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=MAX_CONNECTIONS,
            retries={"total_max_attempts": 1, "mode": "standard"},
            parameter_validation=False,
        ),
    )


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
