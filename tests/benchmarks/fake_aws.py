"""A fake AWS endpoint in a process of its own: answers at once or after a fixed latency, and counts.

It stands in for the network and the services, so that what is measured is the handler. It knows just enough of
Kinesis, DynamoDB, SQS and S3 for the handlers to be content, keeps bodies only on request, and runs on another core
than its caller. TLS, which a handler would pay for on AWS, is left out for both sides of every comparison.
"""

import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from typing import Any, Final

from tests.benchmarks.machine import other_core

START_SECONDS: Final = 20
REGION: Final = "eu-west-2"


class FakeAws:
    """The endpoint, as its user sees it. A context manager; at its end the process is ended, by its pid."""

    def __enter__(self) -> "FakeAws":
        command = [sys.executable, "-m", "tests.benchmarks.fake_aws_server", str(other_core())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the fake AWS endpoint did not start; its error is above")
        self.port = int(line)
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=START_SECONDS)

    def environment(self) -> dict[str, str]:
        """The standard AWS settings that lead clients here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "fake",
            "AWS_SECRET_ACCESS_KEY": "fake",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def use(self) -> None:
        """Lead the clients that this process makes from now on here."""
        os.environ.update(self.environment())

    def set(self, *, latency_ms: float = 0.0, keep: bool = False) -> None:
        """Begin anew: forget counts and bodies, answer so many milliseconds late, keep bodies or not."""
        self._ask("PUT", "/_fake/settings", {"latency_ms": latency_ms, "keep": keep})

    def answer(self, operation: str, body: dict[str, Any]) -> None:
        """Answer an operation, such as `GetRecords`, with this body from now on."""
        self._ask("PUT", f"/_fake/answers/{operation}", body)

    def counts(self) -> dict[str, int]:
        """How often each operation was called, and under `<operation>.entries` how many records, items or messages."""
        counts: dict[str, int] = self._ask("GET", "/_fake/counts")
        return counts

    def kept(self, operation: str) -> list[dict[str, Any]]:
        """The bodies of an operation's calls since `set(keep=True)`."""
        bodies: list[str] = self._ask("GET", f"/_fake/kept/{operation}")
        return [json.loads(body) for body in bodies]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()
