"""One call of an AWS JSON service without botocore: signed, sent over a kept connection, its answer read.

PutRecords and BatchWriteItem go this way; botocore serves everything else (docs/decisions/wire-client.md).
"""

import importlib.util
import re
import select
import socket
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import msgspec
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from producers.http_answer import Answer, read_answer
from producers.signing import Credentials, signature

if TYPE_CHECKING:
    import ssl

TARGETS: Final = {  # of X-Amz-Target, and the version of the JSON protocol
    "kinesis": ("Kinesis_20131202", "application/x-amz-json-1.1"),
    "dynamodb": ("DynamoDB_20120810", "application/x-amz-json-1.0"),
}
ENDPOINT: Final = re.compile(r"(https?)://([A-Za-z0-9.-]+)(?::(\d{1,5}))?/?")


class Timeouts(NamedTuple):
    """The longest wait for a connection, and for the next bytes of an answer."""

    connect_seconds: float
    read_seconds: float


_read_json: Final = msgspec.json.Decoder().decode


class WireClient:
    """Calls one service at one endpoint; threads may share it.

    Args:
        service: such as `kinesis`.
        region: of the endpoint.
        endpoint: its URL, matched by `ENDPOINT`.
        credentials: to sign with.
        timeouts: of each call.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        service: str,
        region: str,
        endpoint: re.Match[str],
        credentials: Credentials,
        timeouts: Timeouts,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        scheme, self._host, port = endpoint.groups()
        default = {"http": 80, "https": 443}[scheme]
        self._port = int(port or default)
        self.url = f"{scheme}://{self._host}" + (f":{port}" if port else "")
        self._tls = _tls_context() if scheme == "https" else None
        self.service, self._region, self._credentials, self._now = service, region, credentials, now
        self._timeouts = timeouts
        self._free: list[tuple[socket.socket, BinaryIO]] = []
        weakref.finalize(self, _close, self._free)
        self._fixed = {"content-type": TARGETS[service][1], "host": self._host.lower()}
        if self._port != default:
            self._fixed["host"] += f":{self._port}"
        if credentials.token:
            self._fixed["x-amz-security-token"] = credentials.token

    def call(self, operation: str, body: bytes) -> dict[str, Any]:
        """Make one call, without a retry.

        Args:
            operation: as the API names it, such as `PutRecords`.
            body: of the request, JSON.

        Raises:
            ClientError, BotoCoreError: what botocore raises for the same failure.
        """
        answer = self.exchange(operation, self.headers(operation, body), body)
        try:
            parsed = _read_json(answer.body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            parsed = {"message": answer.body.decode("utf-8", "replace")}
        content = parsed if isinstance(parsed, dict) else {}
        if answer.status >= 300:  # what botocore takes for an error
            raise _client_error(operation, answer, content)
        return content

    def headers(self, operation: str, body: bytes) -> dict[str, str]:
        """The headers of a signed request, names in lower case."""
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        headers = {**self._fixed, "x-amz-date": at, "x-amz-target": f"{TARGETS[self.service][0]}.{operation}"}
        headers["authorization"] = signature(
            self._credentials, headers, body, region=self._region, service=self.service, at=at
        )
        return headers

    def exchange(self, operation: str, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002 (faults are put here by it)
        """Send one request, and read its answer; an idle connection is used again."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST / HTTP/1.1\r\n{lines}user-agent: spillway\r\ncontent-length: {len(body)}\r\n\r\n"
        sock, reader = self._idle() or self._connected()
        is_kept = False
        try:
            sock.sendall(head.encode() + body)
            answer = read_answer(reader)
            is_kept = not answer.is_last
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self.url, error=error) from error
        except OSError as error:
            raise ConnectionClosedError(endpoint_url=self.url, request=None, error=error) from error
        finally:
            if is_kept:
                self._free.append((sock, reader))
            else:
                _close([(sock, reader)])
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        _close(self._free)

    def _idle(self) -> tuple[socket.socket, BinaryIO] | None:
        """A kept connection that the service has not closed: one that has nothing to read."""
        while self._free:
            sock, reader = self._free.pop()
            waiting = select.poll()
            waiting.register(sock, select.POLLIN)
            if not waiting.poll(0):
                return sock, reader
            _close([(sock, reader)])
        return None

    def _connected(self) -> tuple[socket.socket, BinaryIO]:
        try:
            sock = socket.create_connection((self._host, self._port), self._timeouts.connect_seconds)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self.url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self.url, error=error) from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        except OSError as error:  # a failed certificate check too: nothing was sent
            sock.close()
            failure = ConnectTimeoutError if isinstance(error, TimeoutError) else SSLError
            raise failure(endpoint_url=self.url, error=error) from error
        sock.settimeout(self._timeouts.read_seconds)
        return sock, sock.makefile("rb")


def _close(connections: list[tuple[socket.socket, BinaryIO]]) -> None:
    while connections:
        sock, reader = connections.pop()
        reader.close()
        sock.close()


def _client_error(operation: str, answer: Answer, content: Mapping[str, Any]) -> ClientError:
    """The error in an answer, as botocore's `JSONParser` reads it."""
    code, message = str(content.get("__type", answer.status)), content.get("message", content.get("Message", ""))
    code = code.partition(":")[0].rpartition("#")[2]
    if answer.status >= 500 and (not answer.body or answer.body.lstrip().startswith(b"<")):  # of a load balancer
        message = answer.reason
    about = {
        "RequestId": answer.headers.get("x-amzn-requestid", ""),
        "HTTPStatusCode": answer.status,
        "HTTPHeaders": answer.headers,
        "RetryAttempts": 0,
    }
    return ClientError({"Error": {"Message": str(message), "Code": code}, "ResponseMetadata": about}, operation)  # type: ignore[typeddict-item] # the stubs want HostId, which only S3 has


def _tls_context() -> "ssl.SSLContext":
    """Certificate and host name are checked, against the authorities that botocore takes."""
    import ssl  # noqa: PLC0415 (a local endpoint does without)

    for package in ("certifi", "botocore"):
        found = importlib.util.find_spec(package)
        if found and found.submodule_search_locations:
            return ssl.create_default_context(cafile=f"{found.submodule_search_locations[0]}/cacert.pem")
    return ssl.create_default_context()
