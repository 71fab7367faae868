"""Recording which calls of AWS each function makes while other tests run it.

A hook of botocore sees every call, with its parameters. Which function makes it is seen from the stack: the frame of
its handler, or, in a thread of a pool, that of who handed the work to the pool. A call is written once, as a line, by
every process that makes it; `stored.py` reads the lines of all.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

FOLDER_VARIABLE: Final = "SPILLWAY_CALLS_FOLDER"
STARTUP: Final = Path(__file__).with_name("startup")  # on PYTHONPATH, its sitecustomize.py records in a new process
# The functions, and what of each is on the stack while it works.
FUNCTIONS: Final = {
    "producers.http_api": "http-api",
    "consumers.table_writer": "table-writer",
    "archive.firehose_transform": "firehose-transform",
    "archive.dead_letter_archiver": "dead-letter-archiver",
    "archive.compactor": "compactor",
    "infra.shards.scaling_function": "scaling-function",
}
ENTRANCES: Final = frozenset({"handler", "scale"})  # `scale` is all of the scaling function but its clients
_ENVIRONMENT: Final = re.compile(r"\bspillway-[a-z]+-")  # recorded of any, kept as one
_function: ContextVar[str | None] = ContextVar("function", default=None)


def environment(folder: Path | None = None) -> dict[str, str]:
    """The variables with which a new process of this Python records as well; none where nobody records."""
    where = folder or os.environ.get(FOLDER_VARIABLE)
    return {} if where is None else {FOLDER_VARIABLE: str(where), "PYTHONPATH": str(STARTUP)}


def install(folder: Path) -> None:
    """Record the calls of clients made from now on, into a file of this process in a folder."""
    from botocore.handlers import BUILTIN_HANDLERS  # noqa: PLC0415 (a process that does not record loads it later)

    written = _Written(folder / f"{os.getpid()}.jsonl")
    BUILTIN_HANDLERS.append(("provide-client-params", written.asked))
    BUILTIN_HANDLERS.append(("after-call.s3", written.answered))
    submit = ThreadPoolExecutor.submit

    def submit_for(pool: ThreadPoolExecutor, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        function = current_function()
        return submit(pool, _as, function, work, *arguments, **named)

    ThreadPoolExecutor.submit = submit_for  # type: ignore[method-assign,assignment] # there is no other way in


def _as(function: str | None, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    _function.set(function)
    return work(*arguments, **named)


def current_function() -> str | None:
    """The function whose handler is at work here; None for anything else."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in ENTRANCES and frame.f_globals.get("__name__") in FUNCTIONS:
            return FUNCTIONS[frame.f_globals["__name__"]]
        frame = frame.f_back  # type: ignore[assignment] # None at the end
    return _function.get()


class _Written:
    """The calls of one process, each written once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[str] = set()

    def asked(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        """One call, before it is sent."""
        function = current_function()
        context["spillway_function"] = function
        context["spillway_parameters"] = named = _named(params)
        if function is None:
            return
        service = model.service_model.signing_name
        for key in named.pop("Keys", [None]):
            self._write(function, service, model.name, named if key is None else {**named, "Key": key})

    def answered(self, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        """S3 says that a key is absent only to who may list the bucket; to others it says Access Denied."""
        absent = parsed.get("Error", {}).get("Code") in {"404", "NoSuchKey"}
        if absent and context.get("spillway_function") and model.name in {"GetObject", "HeadObject"}:
            bucket = {"Bucket": context["spillway_parameters"]["Bucket"]}
            self._write(context["spillway_function"], "s3", "ListObjectsV2", bucket)

    def _write(self, *call: Any) -> None:
        line = json.dumps(call, sort_keys=True)
        if line not in self._seen:
            self._seen.add(line)
            with self._path.open("a") as file:
                file.write(f"{line}\n")


def _named(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters that name resources, alike for every environment and run."""
    named: dict[str, Any] = {}
    for name, value in params.items():
        if name == "RequestItems":
            named[name] = sorted(map(_steady, value))
        elif name == "Delete":
            named["Keys"] = sorted({_folder(each["Key"]) for each in value["Objects"]})
        elif name == "Key" and isinstance(value, str):
            named[name] = _folder(value)
        elif name == "QueueUrl":
            named[name] = _steady(str(value).rpartition("/")[2])  # the endpoint's address is its own
        elif name == "IfMatch":
            named[name] = "*"
        elif isinstance(value, str) and name in NAMING:
            named[name] = _steady(value)
    return named


NAMING: Final = frozenset(
    {"AlarmName", "Bucket", "DeliveryStreamName", "FunctionName", "StreamARN", "StreamName", "TableName", "TopicArn",
     "WorkGroup"}
)  # fmt: skip


def _folder(key: str) -> str:
    """A key without what is another each time: the folders whose names have no digit."""
    return re.split(r"[^/]*(?:\d|$)", key, maxsplit=1)[0] + "*"


def _steady(name: str) -> str:
    return _ENVIRONMENT.sub("spillway-local-", name)
