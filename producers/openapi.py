"""The HTTP API as an OpenAPI 3.1 document, made from the event schema and the rules that the code keeps to."""

import json
from typing import Any, Final

from producers.idempotency import MAX_KEY_CHARACTERS
from producers.submission import JSON, NDJSON, Rules
from producers.validation import EVENT_SCHEMA_FILE

_KEY: Final = {
    "timestamp": {
        "type": "string",
        "description": "When the event was accepted: UTC, microseconds.",
        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
    },
    "request_id": {"type": "string", "description": "With the timestamp the event's key.", "minLength": 1},
}
_PROBLEMS: Final = {
    400: "Not JSON, not UTF-8, not gzip, an empty list, or no valid Idempotency-Key.",
    403: "No valid API key, or an address that is not allowed.",
    405: "Not a method of this resource; Allow names those that are.",
    409: "A request with this Idempotency-Key is under way.",
    413: "The body, an event or the list is too large.",
    415: "Neither JSON nor NDJSON, or an encoding other than gzip.",
    422: "The payload breaks the event schema, or an Idempotency-Key was used for another body.",
    429: "Over the rate.",
    500: "The gateway failed; send the request again.",
    502: "The function failed; send the request again.",
    503: "The stream takes nothing, or keys cannot be kept; nothing was accepted, send the request again.",
    504: "No answer in time: events may have been accepted. Send the request again with the same Idempotency-Key.",
}
_LATER: Final = (409, 429, 503, 504)


def document(stage: str, rules: Rules) -> dict[str, Any]:
    """The document, for the stage that it is asked of."""
    payload = json.loads(EVENT_SCHEMA_FILE.read_bytes())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Spillway",
            "version": "1",
            "description": "Takes events in and keeps every one of them. A 2xx answer means kept.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": f"/{stage}"}],
        "paths": {
            "/app": {"post": _post(rules)},
            "/health": {"get": _get("health", "Whether the API answers.", {"const": {"status": "ok"}})},
            "/openapi.json": {"get": _get("openapi", "This document.", {"type": "object"})},
        },
        "components": {
            "schemas": {"Payload": payload, "Accepted": _accepted(), "Batch": _batch(), "Problem": _problem()},
            "responses": {
                f"Problem{status}": _response(description, "Problem", later=status in _LATER)
                for status, description in _PROBLEMS.items()
            },
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
        },
    }


def _post(rules: Rules) -> dict[str, Any]:
    """What is posted, and how it is answered."""
    return {
        "operationId": "postEvents",
        "summary": "Post an event, or a list of events.",
        "description": (
            f"One JSON value, or an empty body, is one event. A JSON array, or {NDJSON}, is a list of up to "
            f"{rules.batch_events:,} events, of which valid ones are accepted whether or not the others are. "
            f"An event has up to {rules.event_bytes:,} bytes of JSON. The body may be gzip (Content-Encoding)."
        ),
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Of requests with the same key and body within 24 hours, the events are accepted once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS},
            },
        ],
        "requestBody": {
            "required": False,
            "content": {
                JSON: {"schema": {"$ref": "#/components/schemas/Payload"}},
                NDJSON: {"schema": {"type": "string"}},
            },
        },
        "security": [{}, {"apiKey": []}],
        "responses": {
            "201": {
                "description": "Accepted; for a list, all of it.",
                "content": {
                    JSON: {
                        "schema": {
                            "oneOf": [{"$ref": "#/components/schemas/Accepted"}, {"$ref": "#/components/schemas/Batch"}]
                        }
                    }
                },
            },
            "207": _response("Some events of the list were accepted.", "Batch"),
            "422": {
                "description": _PROBLEMS[422] + " For a list: no event of it is valid.",
                "content": {JSON: {"schema": {"anyOf": [_reference("Problem"), _reference("Batch")]}}},
            },
            "503": {
                "description": _PROBLEMS[503],
                "headers": _RETRY_AFTER,
                "content": {JSON: {"schema": {"anyOf": [_reference("Problem"), _reference("Batch")]}}},
            },
            "504": {
                "description": _PROBLEMS[504],
                "headers": _RETRY_AFTER,
                "content": {JSON: {"schema": {"anyOf": [_reference("Problem"), _reference("Batch")]}}},
            },
            **_problems(400, 403, 405, 409, 413, 415, 429, 500, 502),
        },
    }


def _get(operation: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": {JSON: {"schema": schema}}},
            **_problems(405, 429, 500, 502, 504),
        },
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}


_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}, "required": True}
}


def _response(description: str, schema: str, *, later: bool = False) -> dict[str, Any]:
    response = {"description": description, "content": {JSON: {"schema": _reference(schema)}}}
    return {**response, "headers": _RETRY_AFTER} if later else response


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _accepted() -> dict[str, Any]:
    return _object("An accepted event, by its key.", _KEY)


def _batch() -> dict[str, Any]:
    index = {"type": "integer", "minimum": 0}
    accepted = _object("An accepted event.", {"index": index, "status": {"const": "accepted"}, **_KEY})
    refused = _object(
        "An event that was not accepted.",
        {"index": index, "status": {"enum": ["invalid", "throttled", "in_doubt"]}, "error": _error()},
    )
    return _object(
        "What became of a list.",
        {
            "accepted": {"type": "integer", "minimum": 0},
            "rejected": {"type": "integer", "minimum": 0},
            "results": {
                "type": "array",
                "items": {"oneOf": [accepted, refused]},
                "description": "In the list's order.",
            },
        },
    )


def _problem() -> dict[str, Any]:
    problem = _object("Why nothing of a request was accepted.", {"error": _error()})
    by_gateway = _object("The same, where an HTTP API answers by itself.", {"message": {"type": "string"}})
    return {"anyOf": [problem, by_gateway]}


def _error() -> dict[str, Any]:
    return _object(
        "What is wrong.",
        {
            "code": {"type": "string", "description": "For programs."},
            "message": {"type": "string", "description": "For people."},
            "path": {"type": ["string", "null"], "description": "JSON pointer to the offending value."},
        },
    )


def _object(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
