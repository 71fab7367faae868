"""What the functions print: on AWS it goes to CloudWatch Logs, here it is read as it comes.

Lines of the embedded metric format become counts; log lines of the Powertools logger become one readable line.
"""

import io
import json
import logging
import math
import sys
import threading
import time
from collections import Counter
from typing import Any, TextIO

_log = logging.getLogger("spillway.functions")
_LOG_FIELDS = frozenset({
    "level", "location", "message", "timestamp", "service", "xray_trace_id", "function_request_id",
    "exception", "exception_name", "stack_trace",
})  # fmt: skip


class FunctionOutput(io.TextIOBase):
    """Stands in for `sys.stdout` while the functions run in this process.

    Every line that is not JSON of a function's goes on to the real standard output.
    """

    def __init__(self, stdout: TextIO) -> None:
        super().__init__()
        self._stdout = stdout
        self._lock = threading.Lock()
        self._local = threading.local()
        self._counts: Counter[str] = Counter()
        self._problems: dict[str, tuple[float, str]] = {}

    def install(self) -> None:
        """Take the place of `sys.stdout`."""
        sys.stdout = self

    def remove(self) -> None:
        """Give `sys.stdout` back its place."""
        if sys.stdout is self:
            sys.stdout = self._stdout

    def metric(self, name: str) -> int:
        """The sum of a metric that the functions have emitted, such as `AcceptedEvents`."""
        with self._lock:
            return self._counts[name]

    def problem(self, service: str, *, within_seconds: float = math.inf) -> str:
        """The last warning or error that a function logged, such as `table_writer`; empty where it logged nothing.

        Args:
            service: the function.
            within_seconds: how old it may be.
        """
        with self._lock:
            at, text = self._problems.get(service, (-math.inf, ""))
        return text if time.monotonic() - at <= within_seconds else ""

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether the real standard output is a terminal."""
        return self._stdout.isatty()

    def write(self, text: str) -> int:
        """Take text of any length; whole lines are read as they are complete, for each thread on its own."""
        pending = getattr(self._local, "pending", "") + text
        *lines, self._local.pending = pending.split("\n")
        for line in lines:
            self._line(line)
        return len(text)

    def flush(self) -> None:
        """Flush the real standard output."""
        self._stdout.flush()

    def _line(self, line: str) -> None:
        record = _json_object(line)
        if "_aws" in record:
            with self._lock:
                self._counts.update(_metrics(record))
        elif "level" in record and "message" in record:
            extra = " ".join(f"{name}={value}" for name, value in record.items() if name not in _LOG_FIELDS)
            level = logging.getLevelNamesMapping().get(record["level"], logging.INFO)
            _log.log(level, "%s: %s %s", record.get("service"), record["message"], extra)
            if level >= logging.WARNING:
                cause = record.get("error") or record.get("first_error") or ""
                text = f"{record['message']}{cause and ': '}{cause}"
                with self._lock:
                    self._problems[str(record.get("service"))] = time.monotonic(), text
        elif line:
            self._stdout.write(f"{line}\n")


def _json_object(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {}
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _metrics(record: dict[str, Any]) -> dict[str, int]:
    """The metric values of one line of the embedded metric format."""
    totals = {}
    for directive in record["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            value = record[metric["Name"]]
            totals[metric["Name"]] = int(sum(value) if isinstance(value, list) else value)
    return totals
