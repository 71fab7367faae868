"""Lambda's event filtering: which records a mapping's FilterCriteria let through to the function.

A pattern is a JSON object of the shape of what it filters, with a list of conditions at each leaf: the value matches
where one condition does. Objects combine by "and"; `$or` holds alternatives. Of the conditions Lambda documents, all
are here: equality, null, "", prefix, suffix, equals-ignore-case, numeric, exists, anything-but.
(Lambda developer guide, "Control which events Lambda sends to your function".)
"""

import json
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Pattern = dict[str, Any]

_MISSING = object()
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class PatternError(ValueError):
    """A filter pattern that cannot be followed; the message says where."""


class EventFilter:
    """The filters of one mapping, of which a record has to match one.

    Args:
        patterns: JSON texts, as in `FilterCriteria.Filters[].Pattern`; none of them lets everything through.
        content: the field that holds the payload, a JSON text to be looked into: `data` of Kinesis, `body` of SQS.

    Raises:
        PatternError: a pattern is not a JSON object, or holds a condition there is not.
    """

    def __init__(self, patterns: Iterable[str], content: str) -> None:
        self._patterns = [_parse(text) for text in patterns]
        self._content = content

    def passes(self, content: str | bytes, fields: Mapping[str, Any]) -> bool:
        """Whether a record goes to the function. Content that is not JSON fails every pattern that looks into it.

        Args:
            content: the payload, decoded from base64.
            fields: the record's other fields, such as `partitionKey`.
        """
        if not self._patterns:
            return True
        value = _json_or_missing(content)
        event = {**fields} if value is _MISSING else {**fields, self._content: value}
        return any(
            (value is not _MISSING or self._content not in pattern) and _matches(pattern, event)
            for pattern in self._patterns
        )


def _parse(text: str) -> Pattern:
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise PatternError(f"not JSON: {error}") from error
    if not isinstance(pattern, dict):
        raise PatternError(f"{text}: a pattern is a JSON object")
    _matches(pattern, {})  # finds conditions there are not, so that a mapping does not start with them
    return pattern


def _json_or_missing(content: str | bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _MISSING


def _matches(pattern: Pattern, value: Any) -> bool:
    """Whether an object has what a pattern asks for; every part is looked at, so that none stays unchecked."""
    fields = value if isinstance(value, dict) else {}
    results = []
    for name, wanted in pattern.items():
        found = fields.get(name, _MISSING)
        if name == "$or" and isinstance(wanted, list):
            results.append(any([_matches(alternative, value) for alternative in wanted]))  # noqa: C419 (checks each)
        elif isinstance(wanted, dict):
            results.append(_matches(wanted, found))
        elif isinstance(wanted, list) and wanted:
            results.append(any([_one_matches(condition, found) for condition in wanted]))  # noqa: C419 (checks each)
        else:
            raise PatternError(f"{name}: expected an object or a list of conditions, found {json.dumps(wanted)}")
    return all(results)


def _one_matches(condition: Any, found: Any) -> bool:
    """Whether a value, or one element of a list, meets a condition."""
    if isinstance(condition, dict) and "exists" in condition:
        return (found is not _MISSING) is bool(condition["exists"])
    test = _test(condition)
    candidates = found if isinstance(found, list) else [found]
    return any(candidate is not _MISSING and test(candidate) for candidate in candidates)


def _test(condition: Any) -> Callable[[Any], bool]:
    """The test a condition stands for."""
    if not isinstance(condition, dict):
        return lambda value: _equal(value, condition)
    if len(condition) != 1:
        raise PatternError(f"{json.dumps(condition)}: a condition has one key")
    [(kind, operand)] = condition.items()
    if kind == "anything-but":
        if isinstance(operand, dict):
            unwanted = _test(operand)
            return lambda value: not unwanted(value)
        excluded = operand if isinstance(operand, list) else [operand]
        return lambda value: not any(_equal(value, each) for each in excluded)
    if kind == "numeric":
        return _numeric_test(operand)
    return _text_test(kind, operand)


def _text_test(kind: str, operand: Any) -> Callable[[Any], bool]:
    if not isinstance(operand, str):
        raise PatternError(f"{kind}: expected a string, found {json.dumps(operand)}")
    if kind == "prefix":
        return lambda value: isinstance(value, str) and value.startswith(operand)
    if kind == "suffix":
        return lambda value: isinstance(value, str) and value.endswith(operand)
    if kind == "equals-ignore-case":
        return lambda value: isinstance(value, str) and value.casefold() == operand.casefold()
    raise PatternError(f"{kind}: there is no such condition")


def _numeric_test(operand: Any) -> Callable[[Any], bool]:
    """Of `["=", 5]` or `[">", 0, "<=", 5]`."""
    parts = operand if isinstance(operand, list) else []
    bounds = list(zip(parts[::2], parts[1::2], strict=False))
    if not bounds or len(parts) % 2 or any(sign not in _COMPARISONS or not _is_number(n) for sign, n in bounds):
        raise PatternError(f"numeric: expected comparisons with numbers, found {json.dumps(operand)}")
    return lambda value: _is_number(value) and all(_COMPARISONS[sign](value, bound) for sign, bound in bounds)


def _equal(value: Any, wanted: Any) -> bool:
    """Equality of JSON values, where true is not 1."""
    if _is_number(value) and _is_number(wanted):
        return bool(value == wanted)
    return type(value) is type(wanted) and bool(value == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
