"""The Lambda that Firehose calls: events in, rows of the lake out."""

import base64
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from archive.lake import Column, columns
from producers.event import Event, PoisonEvent, decode, timestamp_micros
from producers.exact_json import Number
from producers.invocation import Context
from producers.telemetry import count, logger

SERVICE = "firehose_transform"


def handler(event: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Turn one batch of events into rows; what is no event comes back as failed, and lands in an error object."""
    answers = []
    errors: list[str] = []
    for record in event["records"]:
        try:
            row = row_of(decode(base64.b64decode(record["data"])), columns())
        except PoisonEvent as error:
            errors.append(str(error))
            answers.append({"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]})
        else:
            data = base64.b64encode(row.encode()).decode("ascii")
            answers.append({"recordId": record["recordId"], "result": "Ok", "data": data})
    if errors:
        logger(SERVICE).warning("records are no events", extra={"failed": len(errors), "first_error": errors[0]})
    count(SERVICE, {"TransformedEvents": len(answers) - len(errors), "FailedEvents": len(errors)})
    return {"records": answers}


def row_of(event: Event, lake_columns: tuple[Column, ...]) -> str:
    """An event as a row of the lake: one JSON object, a member for each column that has a value."""
    micros = timestamp_micros(event.timestamp)
    row = (
        f'{{"timestamp":"{event.timestamp[:-4]}Z","timestamp_micros":{micros},"request_id":{quote(event.request_id)},'
        f'"source_ip":{_quote_optional(event.source_ip)},"user_agent":{_quote_optional(event.user_agent)},'
        f'"payload":{quote(event.payload.text)}'
    )
    payload = event.payload.value
    if isinstance(payload, dict):
        for column in lake_columns:
            value = payload.get(column.property) if column.property else None
            if value is not None:
                row += f',"{column.name}":{_scalar(value)}'
    return row + "}"


def _scalar(value: Any) -> str:
    if type(value) is Number:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    return quote(value) if type(value) is str else "null"


def _quote_optional(text: str | None) -> str:
    return "null" if text is None else quote(text)
