"""Checking payloads against the event schema, where it asks for anything."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from producers.explained import Explained
from producers.problem import Problem

EVENT_SCHEMA_FILE: Final = Path(__file__).parent.parent / "infra" / "event.schema.json"
MAX_MESSAGE_CHARACTERS: Final = 300
MAX_INT_DIGITS: Final = 4000  # Python does not convert longer texts into int

# Members of a schema that say something about values without restricting them.
_ANNOTATIONS: Final = frozenset({
    "$schema", "$id", "$anchor", "$comment", "$defs", "title", "description", "default", "examples", "deprecated",
    "readOnly", "writeOnly",
})  # fmt: skip


class InvalidSchema(Explained):
    """The event schema is not a JSON Schema; the message says where and why."""


class PayloadSchema:
    """A JSON Schema (2020-12) that payloads must keep to.

    Args:
        schema: the schema. One that restricts nothing costs nothing: the validator is not even imported.

    Raises:
        InvalidSchema: it is not a JSON Schema.
    """

    def __init__(self, schema: Any) -> None:
        self._validator: Any = None
        if schema is True or (isinstance(schema, dict) and schema.keys() <= _ANNOTATIONS):
            return
        import jsonschema_rs  # noqa: PLC0415 (20 ms at a cold start)

        try:
            # The values stay out of the messages, and nothing is fetched.
            self._validator = jsonschema_rs.validator_for(schema, mask="the value", validate_formats=True, offline=True)
        except jsonschema_rs.ValidationError as error:
            place = _pointer(error.instance_path) or "its top"
            why = f"{EVENT_SCHEMA_FILE.name} is not a JSON Schema: at {place}: {error.message}"
            raise InvalidSchema(why[:MAX_MESSAGE_CHARACTERS]) from error
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise InvalidSchema(f"{EVENT_SCHEMA_FILE.name} is not a JSON Schema: {error}") from error

    def problem_with(self, text: str) -> Problem | None:
        """What is wrong with a payload, given as JSON text; None where it is valid."""
        if self._validator is None:
            return None
        error = next(self._validator.iter_errors(_decoder.decode(text)), None)
        if error is None:
            return None
        rule = "/".join(str(part) for part in error.schema_path)
        message = f"{error.message[:MAX_MESSAGE_CHARACTERS]} (rule {rule[:MAX_MESSAGE_CHARACTERS]})"
        return Problem(422, "schema_violation", message, _pointer(error.instance_path))


def load_schema(path: Path = EVENT_SCHEMA_FILE) -> PayloadSchema:
    """The event schema of this deployment.

    Raises:
        InvalidSchema: it cannot be read, or is not a JSON Schema.
    """
    try:
        schema = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidSchema(f"{path.name} cannot be read: {error}") from error
    return PayloadSchema(schema)


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= MAX_INT_DIGITS else Decimal(text)


_decoder = json.JSONDecoder(parse_int=_integer, parse_float=Decimal)


def _pointer(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901) to a value."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)
