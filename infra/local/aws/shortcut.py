"""Calls answered to clients of this process without HTTP.

botocore would sign and send a request that moto takes apart again, all within this process and for ten times the work
of the call itself. So the calls that carry events are answered where botocore asks whether anybody has an answer:
`before-call`, for the whole service, which is asked after what a test registers for one operation. A call answered
here is not retried by botocore.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.handlers import BUILTIN_HANDLERS
from moto.core.exceptions import JsonRESTError

from infra.local.aws.full_disk import DiskFull
from infra.local.store.errors import StoreFull

AWS: Final = ".amazonaws.com"  # clients of another endpoint are not ours to answer

Answer = dict[str, Any]
Call = Callable[[str, bytes], Answer | None]  # from region and body to the answer as botocore parses it


@contextmanager
def taken(service: str, calls: Mapping[str, Call]) -> Iterator[None]:
    """Let clients made while the block lasts take it.

    Args:
        service: such as `kinesis`.
        calls: by operation; None from one of them lets the call go its usual way.
    """

    def answer(model: Any, params: Answer, context: Answer, **_: Any) -> tuple[SimpleNamespace, Answer] | None:
        call = calls.get(model.name)
        if call is None or not (urlsplit(params["url"]).hostname or "").endswith(AWS):
            return None
        try:
            status, found = 200, _answered(call, context["client_region"], params["body"])
        except JsonRESTError as error:
            code = error.error_type.rpartition("#")[2]
            status, found = error.code, {"Error": {"Code": code, "Message": error.message}}
        if found is None:
            return None
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
        return SimpleNamespace(status_code=status), {**found, "ResponseMetadata": metadata}

    handler = (f"before-call.{service}", answer)
    BUILTIN_HANDLERS.append(handler)
    try:
        yield
    finally:
        BUILTIN_HANDLERS.remove(handler)


def _answered(call: Call, region: str, body: bytes) -> Answer | None:
    try:
        return call(region, body)
    except StoreFull as full:
        raise DiskFull from full
