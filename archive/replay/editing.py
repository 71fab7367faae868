"""Editing events before they are put back: members set, a jq program, or a Python function."""

import difflib
import importlib
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from archive.dead_letters.failures import FailedRecord
from archive.replay.document import InvalidEdit, document_text, dumps, event_of_document, pretty
from producers import exact_json
from producers.event import Event
from producers.exact_json import InvalidJson, Number
from producers.explained import Explained
from producers.ingestion import pointer_tokens

MAX_INT_DIGITS: Final = 4000  # Python refuses to turn longer texts into int

Step = Callable[[str], str | None]


class EditError(Explained, ValueError):
    """An edit cannot be used at all; the message says which option, and how to write it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done to every event before it is put back.

    Args:
        steps: applied one after the other, document in, document or None out.
        as_written: by the operator, for the journal.
    """

    steps: tuple[Step, ...]
    as_written: tuple[str, ...]

    def apply(self, failed: FailedRecord) -> Event | None:
        """The edited event of a failure whose data is at hand; None where it is to be discarded.

        Raises:
            InvalidEdit: a step does not work on it, or the result is not an event.
        """
        try:
            text = self._edited(document_text(failed))
            return None if text is None else event_of_document(text)
        except RecursionError:
            raise InvalidEdit("it is nested too deeply to be edited") from None

    def diff(self, failed: FailedRecord) -> list[str]:
        """What the edit does to one failure, as a unified diff.

        Raises:
            InvalidEdit: a step does not work on it.
        """
        try:
            before = document_text(failed)
            text = self._edited(before)
        except RecursionError:
            raise InvalidEdit("it is nested too deeply to be edited") from None
        after = [] if text is None else pretty(text)
        return list(difflib.unified_diff(pretty(before), after, failed.name, "edited", lineterm="", n=2))

    def _edited(self, document: str) -> str | None:
        text: str | None = document
        for step in self.steps:
            if text is None:
                return None
            text = step(text)
        return text


def edit_of(sets: Sequence[str] = (), jq: str | None = None, python: str | None = None) -> Edit | None:
    """The edit that an operator asks for; None where nothing is to be edited.

    Args:
        sets: such as `/payload/user_id="x"`; a value that is not JSON is taken as text.
        jq: a jq program; its output is the event, no output discards it. jq has numbers as doubles: one that it leaves
            in its place keeps every digit, one that it moves or computes has 17.
        python: `module:function`; it gets the event as a dict (whole numbers as int, others as Decimal) and returns
            the event, or None to discard it.

    Raises:
        EditError: one of them cannot be used.
    """
    steps: list[Step] = [_set(text) for text in sets]
    as_written = [f"--set {text}" for text in sets]
    if jq:
        steps.append(_jq(jq))
        as_written.append(f"--jq {jq}")
    if python:
        steps.append(_python(python))
        as_written.append(f"--python {python}")
    return Edit(tuple(steps), tuple(as_written)) if steps else None


def _set(text: str) -> Step:
    pointer, equals, value_text = text.partition("=")
    if not equals or not pointer.startswith("/"):
        raise EditError(f"--set {text}: write a JSON pointer and a value, such as /payload/user_id=42")
    try:
        value = exact_json.parse(value_text).value
    except InvalidJson:
        value = value_text
    *parents, last = pointer_tokens(pointer)

    def step(document: str) -> str:
        root = exact_json.parse(document).value
        place = root
        for token in parents:
            place = _member(place, token, pointer)
        if isinstance(place, list):
            place[_index(place, last, pointer)] = value
        elif isinstance(place, dict):
            place[last] = value
        else:
            raise InvalidEdit(f"--set {pointer}: there is no object to set it in")
        return dumps(root)

    return step


def _member(place: Any, token: str, pointer: str) -> Any:
    if isinstance(place, dict) and token in place:
        return place[token]
    if isinstance(place, list):
        return place[_index(place, token, pointer)]
    raise InvalidEdit(f"--set {pointer}: there is no {token!r} on the way")


def _index(place: list[Any], token: str, pointer: str) -> int:
    if token.isdecimal() and int(token) < len(place):
        return int(token)
    raise InvalidEdit(f"--set {pointer}: the list has no element {token!r}")


def _jq(program: str) -> Step:
    try:
        import jq  # noqa: PLC0415 (an extra, which only this option needs)
    except ImportError as error:
        raise EditError("--jq needs the package jq: pip install 'spillway[jq]', or use --python") from error
    try:
        compiled = jq.compile(program)
    except ValueError as error:
        raise EditError(f"--jq {program}: {' '.join(str(error).split())}") from error

    def step(document: str) -> str | None:
        try:
            results = compiled.input_text(document).text().splitlines()
        except ValueError as error:
            raise InvalidEdit(f"--jq: {' '.join(str(error).split())}") from None
        if len(results) > 1:
            raise InvalidEdit(f"--jq gives {len(results)} results; an event is one")
        if not results:
            return None
        return dumps(_digits_kept(exact_json.parse(document).value, exact_json.parse(results[0]).value))

    return step


def _digits_kept(before: Any, after: Any) -> Any:
    """The second value, with the numbers as they stand in the first where they are the same but for jq's rounding."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {name: _digits_kept(before.get(name), member) for name, member in after.items()}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [_digits_kept(one, other) for one, other in zip(before, after, strict=True)]
    if type(before) is Number and type(after) is Number and _rounded(before) == _rounded(after):
        return before
    return after


def _rounded(number: Number) -> float:
    """A number as jq has it: a double, the largest one where it is out of range."""
    rounded = float(number)
    return math.copysign(sys.float_info.max, rounded) if math.isinf(rounded) else rounded


def _python(name: str) -> Step:
    module_name, colon, function_name = name.partition(":")
    if not colon:
        raise EditError(f"--python {name}: write module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does: the function lies beside the operator
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise EditError(f"--python {name}: {error}") from error
    if not callable(function):
        raise EditError(f"--python {name}: that is not a function")

    def step(document: str) -> str | None:
        try:
            result = function(_decoder.decode(document))
            return None if result is None else _dumps(result)
        except Exception as error:  # the operator's code: what it raises is this event's error
            raise InvalidEdit(f"--python {name}: {type(error).__name__}: {error}") from error

    return step


def _number(text: str) -> int | Decimal:
    return int(text) if len(text) <= MAX_INT_DIGITS else Decimal(text)


_decoder = json.JSONDecoder(parse_int=_number, parse_float=Decimal)


def _dumps(value: Any) -> str:
    """What a Python function returns as JSON, every digit of a Decimal kept."""
    return dumps(_exact(value))


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _exact(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(element) for element in value]
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not JSON")
        return Number(value)
    if type(value) in (int, float):
        return Number(json.dumps(value, allow_nan=False))
    if value is None or isinstance(value, str | bool):
        return value
    raise TypeError(f"{type(value).__name__} is not JSON")
