"""What a client posts: from API Gateway's proxy event to JSON values, one per event."""

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from producers import exact_json
from producers.event import NULL
from producers.exact_json import InvalidJson, JsonValue
from producers.problem import Problem, RefusedRequest
from producers.validation import PayloadSchema

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

# Lambda takes 6 MB a request; inflated, a body may come to as much again as the largest plain one.
MAX_BODY_BYTES: Final = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rules:
    """What a client may post.

    Args:
        event_bytes: of one event's JSON, UTF-8, without white space between tokens.
        batch_events: events in one request.
        schema: what each payload must keep to.
        body_bytes: of a request's body, inflated.
    """

    event_bytes: int
    batch_events: int
    schema: PayloadSchema
    body_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Submission:
    """The events of one request, each a value or why it is none, in the client's order.

    Args:
        events: at least one.
        is_batch: whether they came as a list, and so are answered as one.
    """

    events: list[JsonValue | Problem]
    is_batch: bool


def read_submission(proxy_event: dict[str, Any], rules: Rules) -> Submission:
    """Read the body of a proxy event (version 1).

    Raises:
        RefusedRequest: wrong content type or encoding, too large, not UTF-8, not JSON, or an empty list.
    """
    text = _text(_inflated(body_of(proxy_event), header(proxy_event, "content-encoding") or "", rules), rules)
    media_type = _media_type(header(proxy_event, "content-type") or JSON)
    if media_type == NDJSON:
        lines = (line for line in text.split("\n") if line.strip(" \t\r"))
        return _batch((_event(line, rules) for line in lines), rules)
    if not text.strip(" \t\r\n"):
        return _single(_checked(NULL, rules))
    if media_type != JSON:
        raise _refused(
            415, "unsupported_media_type", f"content type {media_type!r:.100}; send {JSON}, or {NDJSON} for a list"
        )
    if text.lstrip(" \t\r\n").startswith("["):
        return _batch(_elements(text, rules), rules)
    return _single(_event(text, rules))


def _single(event: JsonValue | Problem) -> Submission:
    if isinstance(event, Problem):
        raise RefusedRequest(event)
    return Submission([event], is_batch=False)


def _refused(status: int, code: str, message: str) -> RefusedRequest:
    return RefusedRequest(Problem(status, code, message))


def header(proxy_event: dict[str, Any], name: str) -> str | None:
    """The value of a header, by its name in lower case."""
    for given, value in (proxy_event.get("headers") or {}).items():
        if given.lower() == name:
            return str(value)
    return None


def body_of(proxy_event: dict[str, Any]) -> bytes:
    """The body's bytes as the client sent them.

    Raises:
        RefusedRequest: it is marked as base64 and is none.
    """
    body = proxy_event.get("body") or ""
    if not proxy_event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise _refused(400, "not_base64", "the body is marked as base64 but is not") from None


def _inflated(body: bytes, encoding: str, rules: Rules) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise _refused(415, "unsupported_encoding", f"content encoding {encoding!r:.100}; send gzip, or none")
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with a gzip header
    try:
        inflated = inflater.decompress(body, rules.body_bytes + 1)
    except zlib.error as error:
        raise _refused(400, "not_gzip", f"the body is marked as gzip but is not: {error}") from None
    if len(inflated) <= rules.body_bytes and not inflater.eof:
        raise _refused(400, "not_gzip", "the gzip body ends before its end")
    return inflated


def _text(body: bytes, rules: Rules) -> str:
    if len(body) > rules.body_bytes:
        raise _refused(413, "body_too_large", f"the body is over {rules.body_bytes:,} bytes; send smaller batches")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _refused(400, "not_utf8", f"the body is not UTF-8: byte {error.start} cannot be read") from None


def _media_type(content_type: str) -> str:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
            raise _refused(415, "unsupported_charset", f"charset {value!r:.100}; JSON is sent as UTF-8")
    return media_type


def _elements(text: str, rules: Rules) -> Iterator[JsonValue | Problem]:
    try:
        for element, value in exact_json.parse_array(text):
            try:
                yield _checked(exact_json.checked(element, value), rules)
            except InvalidJson as error:
                yield Problem(400, "not_json", f"not JSON that can be kept: {error}")
    except InvalidJson as error:
        raise _refused(400, "not_json", f"the body is not JSON: {error}") from None


def _event(text: str, rules: Rules) -> JsonValue | Problem:
    try:
        return _checked(exact_json.parse(text), rules)
    except InvalidJson as error:
        return Problem(400, "not_json", f"not JSON: {error}")


def _checked(event: JsonValue, rules: Rules) -> JsonValue | Problem:
    size = len(event.text) if event.text.isascii() else len(event.text.encode())
    if size > rules.event_bytes:
        return Problem(413, "event_too_large", f"the event has {size:,} bytes; {rules.event_bytes:,} are the limit")
    return rules.schema.problem_with(event.text) or event


def _batch(events: Iterator[JsonValue | Problem], rules: Rules) -> Submission:
    batch = list(islice(events, rules.batch_events + 1))
    if not batch:
        raise _refused(400, "empty_batch", "the list holds no event; for an event without content send null")
    if len(batch) > rules.batch_events:
        raise _refused(413, "too_many_events", f"over {rules.batch_events:,} events; send smaller batches")
    return Submission(batch, is_batch=True)
