"""An event as a JSON document that an operator edits, and back.

The document has the members of the event's bytes on the stream. For bytes that are not an event a document is made up,
with the bytes as its payload.
"""

import base64
import hashlib
import json
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final

from archive.dead_letters.failures import FailedRecord
from producers import exact_json
from producers.event import FORMAT_VERSION, Event, PoisonEvent, decode, format_timestamp, timestamp_micros
from producers.exact_json import InvalidJson, Number

MEMBERS: Final = ("version", "timestamp", "request_id", "source_ip", "user_agent", "trace", "payload")


class InvalidEdit(ValueError):
    """The result of an edit is not an event; the message says why, and, where that is known, what to do."""


def document_text(failed: FailedRecord) -> str:
    """The document of a failure whose data is at hand, as JSON.

    For an event it is the event, without the mark of an earlier replay. For a JSON object with a payload, which is
    meant to be an event, it is that object. For all else it is a new event: its timestamp is when the stream took the
    bytes, its request id is made of that and the bytes, and its payload is the bytes as JSON, as text, or as base64.
    So the dead letter and the Firehose error of the same bytes become the same event. Equal bytes that came within one
    millisecond become one event too.
    """
    data = failed.data or b""
    try:
        return document_of_event(decode(data))
    except PoisonEvent:
        pass
    try:
        value = exact_json.parse(data.decode()).value
    except (UnicodeDecodeError, InvalidJson):
        value = _text(data)
    if isinstance(value, dict) and "payload" in value:
        return dumps({name: member for name, member in value.items() if name != "replay"})
    digest = hashlib.sha256(failed.arrived_at.encode() + b"/" + data).hexdigest()
    micros = timestamp_micros(failed.arrived_at) + int(digest[:8], 16) % 1000  # within the millisecond that is known
    return dumps(
        {
            "version": Number(FORMAT_VERSION),
            "timestamp": format_timestamp(micros),
            "request_id": f"edited-{digest[:32]}",
            "source_ip": None,
            "user_agent": None,
            "trace": None,
            "payload": value,
        }
    )


def document_of_event(event: Event) -> str:
    """The document of an event."""
    head = {
        "version": Number(FORMAT_VERSION),
        "timestamp": event.timestamp,
        "request_id": event.request_id,
        "source_ip": event.source_ip,
        "user_agent": event.user_agent,
        "trace": event.trace,
    }
    return f'{dumps(head)[:-1]},"payload":{event.payload.text}}}'


def event_of_document(text: str) -> Event:
    """The event that a document describes.

    Raises:
        InvalidEdit: it does not describe one.
    """
    try:
        document = exact_json.parse(text).value
    except InvalidJson as error:
        raise InvalidEdit(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidEdit(f"an event is an object, not {_kind(document)}")
    if strange := sorted(document.keys() - set(MEMBERS)):
        raise InvalidEdit(
            f"{strange[0]!r} is not a member of an event; set the client's own members in /payload/{strange[0]}"
        )
    if "payload" not in document:
        raise InvalidEdit("the event has no payload; for an empty one say null")
    head = {name: document[name] for name in MEMBERS[:-1] if name in document}
    try:
        return decode(f'{dumps(head)[:-1]},"payload":{dumps(document["payload"])}}}'.encode())
    except (PoisonEvent, UnicodeEncodeError) as error:
        raise InvalidEdit(str(error)) from None


def dumps(value: Any) -> str:
    """A value of `producers.exact_json` as compact JSON, numbers as they were written."""
    if type(value) is Number:
        return str(value)  # no longer a Number, which msgspec would not take for a text
    if isinstance(value, dict):
        return "{" + ",".join(f"{quote(name)}:{dumps(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return quote(value) if isinstance(value, str) else json.dumps(value)


def pretty(text: str) -> list[str]:
    """JSON as lines for people, numbers as they were written; one line where it is nested too deeply to be indented."""
    try:
        return _pretty(exact_json.parse(text).value, "", "")
    except (InvalidJson, RecursionError):
        return [text]


def _pretty(value: Any, indent: str, before: str, after: str = "") -> list[str]:
    if not value or not isinstance(value, dict | list):
        shown = json.dumps(value, ensure_ascii=False) if type(value) is str else dumps(value)
        return [f"{indent}{before}{shown}{after}"]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    members = (
        [(f"{json.dumps(name, ensure_ascii=False)}: ", member) for name, member in value.items()]
        if isinstance(value, dict)
        else [("", member) for member in value]
    )
    lines = [f"{indent}{before}{opening}"]
    for number, (name, member) in enumerate(members, 1):
        lines += _pretty(member, indent + "  ", name, "," if number < len(members) else "")
    return [*lines, f"{indent}{closing}{after}"]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")


def _kind(value: Any) -> str:
    return "null" if value is None else "a list" if isinstance(value, list) else f"the value {value!r:.40}"
