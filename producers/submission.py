"""What a client posts: from a request to JSON values, one per event."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from producers import exact_json, gzip_body
from producers.event import NULL
from producers.exact_json import InvalidJson, JsonValue
from producers.problem import Problem, RefusedRequest
from producers.request import Request
from producers.validation import PayloadSchema

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

MAX_BODY_BYTES: Final = 6 * 1024 * 1024  # Lambda quota: a request; no body that arrives uncompressed is larger

# What a gateway that reads the body as text puts in place of bytes that are not UTF-8. A body in which it stands may
# have been altered, so it is refused: an event is accepted as sent or not at all.
REPLACEMENT: Final = "\ufffd"
_ALTERED: Final = (
    "the body is not UTF-8, or holds U+FFFD, which the gateway puts in place of such bytes; send UTF-8, write "
    "U+FFFD as \\ufffd, and send a gzip body as application/x-ndjson"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a client may post.

    Args:
        event_bytes: of one event's JSON, UTF-8, without white space between tokens.
        batch_events: events in one request.
        schema: that each payload must keep to.
        body_bytes: of a request's body, inflated.
    """

    event_bytes: int
    batch_events: int
    schema: PayloadSchema
    body_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Submission:
    """The events of one request, each a value or why it is invalid, in the client's order.

    Args:
        events: at least one.
        is_batch: whether they came as a list, and so are answered as one.
    """

    events: list[JsonValue | Problem]
    is_batch: bool


def read_body(request: Request, limit_bytes: int) -> bytes:
    """The body's bytes, inflated where they are gzip.

    The bytes decide, not `Content-Encoding`: a REST API inflates a gzip body and leaves the header as it was.

    Args:
        request: the client's.
        limit_bytes: of the body, inflated.

    Raises:
        RefusedRequest: another encoding than gzip, not gzip, not base64, too large, or altered by the gateway.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise _refused(415, "unsupported_encoding", f"content encoding {encoding!r:.100}; send gzip, or no encoding")
    body = _bytes_of(request)
    if body.startswith(gzip_body.MAGIC):
        try:
            return gzip_body.inflate(body, limit_bytes)
        except gzip_body.NotGzip as error:
            raise _refused(400, "not_gzip", f"the gzip body is damaged: {error}") from None
        except gzip_body.TooLarge:
            raise _too_large(limit_bytes) from None
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes)
    return body


def _bytes_of(request: Request) -> bytes:
    if not request.is_base64:
        if REPLACEMENT in request.body:
            raise _refused(400, "not_utf8", _ALTERED)
        return request.body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(request.body, validate=True)
    except (binascii.Error, ValueError):
        raise _refused(400, "not_base64", "the gateway marked the body as base64 but it is not") from None


def _too_large(limit_bytes: int) -> RefusedRequest:
    return _refused(413, "body_too_large", f"the body is over {limit_bytes:,} bytes; send smaller batches")


def read_submission(body: bytes, content_type: str | None, rules: Rules) -> Submission:
    """Read the events of a body.

    Args:
        body: of the request, inflated.
        content_type: the header; without it the body is JSON.
        rules: what a client may post.

    Raises:
        RefusedRequest: wrong content type, not UTF-8, not JSON, or an empty list.
    """
    media_type = _media_type(content_type or JSON)
    text = _text(body)
    if media_type == NDJSON:
        lines = (line for line in text.split("\n") if line.strip(" \t\r"))
        return _batch((_event(line, rules) for line in lines), rules)
    if not text.strip(" \t\r\n"):
        return _single(_checked(NULL, rules))
    if not _is_json(media_type):
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


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _refused(400, "not_utf8", f"the body is not UTF-8: byte {error.start} cannot be read") from None


def _is_json(media_type: str) -> bool:
    """Whether a media type is JSON, or one that is written in JSON, such as `application/cloudevents+json`."""
    return media_type == JSON or (media_type.startswith("application/") and media_type.endswith("+json"))


def _media_type(content_type: str) -> str:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
            raise _refused(415, "unsupported_charset", f"charset {value!r:.100}; JSON is sent as UTF-8")
    return media_type


def _elements(text: str, rules: Rules) -> Iterator[JsonValue | Problem]:
    elements = exact_json.elements(text)
    if elements is not None:
        yield from (_checked(element, rules) for element in elements)
        return
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
