"""What both doors of API Gateway share: a request as it arrived, an answer, and what a gateway answers by itself."""

import enum
import json
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

TRACE_HEADER: Final = "X-Amzn-Trace-Id"
MAX_BODY_BYTES: Final = 10 * 1024 * 1024  # API Gateway quota: payload

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class Own(enum.Enum):
    """Why a gateway answers by itself."""

    NOT_FOUND = "no such resource"
    FORBIDDEN = "no valid API key, or an address that is not allowed"
    OVER_RATE = "over the rate"
    BODY_TOO_LARGE = "over the gateway's 10 MB"
    EVENT_TOO_LARGE = "over the function's 6 MB"
    BAD_ENCODING = "not encoded as Content-Encoding says"
    THROTTLED = "no execution of the function is free"
    FAILED = "the function failed, or its answer is malformed"
    TIMED_OUT = "the function did not answer in time"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request as it arrived.

    Args:
        method: such as `POST`.
        path: with the stage.
        resource: the path without the stage, such as `/app`.
        query: names and values, in order.
        headers: names in lower case, and values, in order.
        client: the client's address.
        http_version: such as `1.1`.
        body: all of it.
    """

    method: str
    path: str
    resource: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    client: str
    http_version: str
    body: bytes

    def header(self, name: str) -> str:
        """A header's value by its name in lower case; empty where it is missing."""
        return next((value for given, value in self.headers if given == name), "")


class Refused(Exception):
    """The gateway answers by itself."""

    def __init__(self, own: Own) -> None:
        super().__init__(own.value)
        self.own = own


class Door(Protocol):
    """One kind of API: what its function gets, and what it answers by itself."""

    guards: bool  # whether the gateway checks API key and address; else the function does
    traces: bool  # whether it adds a segment of its own to X-Ray

    def event(self, arrived: Arrived, stage: str, account: str, trace: str) -> dict[str, Any]:
        """A request as the proxy integration passes it to the function.

        Raises:
            Refused: the gateway does not pass it on.
        """

    def own_answer(self, own: Own) -> Answer:
        """What the gateway answers by itself."""


def json_answer(status: int, body: Any, retry_after: int | None = None) -> Answer:
    """An answer in JSON."""
    headers = [(b"content-type", b"application/json")]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    return status, headers, json.dumps(body, separators=(",", ":")).encode()


def error_answer(status: int, code: str, message: str, retry_after: int | None = None) -> Answer:
    """An error in the form that every error of Spillway has."""
    return json_answer(status, {"error": {"code": code, "message": message, "path": None}}, retry_after)


def query_of(query_string: bytes) -> list[tuple[str, str]]:
    """The names and values of a query string."""
    return parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
