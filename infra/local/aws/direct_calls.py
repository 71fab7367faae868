"""The two calls that carry every event, answered without botocore's way through them.

botocore validates, serialises, resolves an endpoint and emits some twenty events before it asks whether anybody has an
answer (`infra.local.aws.shortcut`). That is a third of what a POST costs. The functions of this process therefore
have clients whose one call is answered here. Where somebody registered a handler for the call, as tests do to make it
fail, and where the call fails, botocore makes it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.kinesis.models import kinesis_backends

from infra.local.aws.dynamodb.api import batch_write_item
from infra.local.aws.kinesis import calls
from infra.local.aws.kinesis.records import plain_entries
from infra.local.store.errors import StoreFull

if TYPE_CHECKING:
    from infra.local.aws.kinesis.backend import LocalKinesisBackend

Answer = dict[str, Any]


def serve_directly(client: Any) -> None:
    """Give a botocore client of Kinesis or DynamoDB its call in this process.

    Args:
        client: made while the local AWS is installed.
    """
    service, region = client.meta.service_model.service_name, client.meta.region_name
    operation, name, answer = _SERVED[service]
    by_botocore: Callable[..., Answer] = getattr(client, name)
    handlers = client.meta.events._emitter._handlers  # noqa: SLF001 (botocore has no other way to ask)
    event = f"before-call.{service}.{operation}"
    usual = len(handlers.prefix_search(event))

    def call(**parameters: Any) -> Answer:
        found = answer(region, parameters) if len(handlers.prefix_search(event)) == usual else None
        return by_botocore(**parameters) if found is None else found

    setattr(client, name, call)


def _put_records(region: str, parameters: Answer) -> Answer | None:
    if parameters.keys() != {"StreamName", "Records"}:
        return None
    backend = cast("LocalKinesisBackend", kinesis_backends[DEFAULT_ACCOUNT_ID][region])
    try:
        stream = backend.describe_stream(None, parameters["StreamName"])
        entries = plain_entries(parameters["Records"], max_record_bytes=stream.max_record_bytes)
        return calls.put(stream, entries)
    except JsonRESTError:  # nothing was written: botocore words the error
        return None


def _batch_write(region: str, parameters: Answer) -> Answer | None:
    body = parameters.get("raw_body")
    try:
        return None if body is None else batch_write_item(region, body)
    except (JsonRESTError, StoreFull):
        return None


_SERVED: Final[dict[str, tuple[str, str, Callable[[str, Answer], Answer | None]]]] = {
    "kinesis": ("PutRecords", "put_records", _put_records),
    "dynamodb": ("BatchWriteItem", "batch_write_item", _batch_write),
}
