"""The recordings that are kept: a line for each call, in order, in tests/roles/data."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).with_name("data")
FUNCTION_CALLS: Final = DATA / "function_calls.jsonl"
KEEP_VARIABLE: Final = "SPILLWAY_KEEP_CALLS"  # `functions` or `deployments`: keep what this run records
OURS: Final = "spillway-"


@dataclass(frozen=True, slots=True, order=True)
class FunctionCall:
    """A call that a function makes.

    Args:
        function: its name without prefix, such as `table-writer`.
        service: the name that signs its requests.
        operation: as the API names it.
        parameters: those that name resources, as JSON.
    """

    function: str
    service: str
    operation: str
    parameters: str

    @property
    def is_ours(self) -> bool:
        """Whether it is of a deployment, and not of a test that calls a handler with names of its own."""
        named: dict[str, Any] = json.loads(self.parameters)
        names = [named[key] for key in ("Bucket", "QueueUrl", "StreamName", "TableName", "WorkGroup") if key in named]
        names += named.get("RequestItems", [])
        return all(name.startswith(OURS) for name in names)

    def to_line(self) -> str:
        """It as one line of JSON."""
        return json.dumps([self.function, self.service, self.operation, json.loads(self.parameters)], sort_keys=True)


def function_calls(lines: Iterable[str]) -> set[FunctionCall]:
    """The calls of a deployment's functions among recorded lines."""
    calls = set()
    for line in lines:
        function, service, operation, parameters = json.loads(line)
        call = FunctionCall(function, service, operation, json.dumps(parameters, sort_keys=True))
        if call.is_ours:
            calls.add(call)
    return calls


def recorded(folder: Path) -> set[FunctionCall]:
    """The calls that the processes of a run have recorded."""
    return function_calls(_lines(folder))


def kept() -> set[FunctionCall]:
    """The calls that the tests of roles judge by."""
    return function_calls(FUNCTION_CALLS.read_text().splitlines())


def keep(calls: Iterable[FunctionCall]) -> None:
    """Replace what is kept."""
    FUNCTION_CALLS.write_text("".join(f"{call.to_line()}\n" for call in sorted(calls)))


def _lines(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.jsonl")):
        yield from path.read_text().splitlines()
