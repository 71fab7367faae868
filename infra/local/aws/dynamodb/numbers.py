"""DynamoDB's numbers: it stores a value, not the text of it, so that `1.10` reads back as `1.1`.

The rules were observed on real tables (2026-05 to 2026-06): leading and trailing zeros, the sign of zero and the
exponent are lost; 38 significant digits are kept, and a number with more is refused.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from moto.dynamodb.exceptions import MockValidationException

MAX_DIGITS: Final = 38
MAX_EXPONENT: Final = 125  # 9.99…E+125 is the largest number
MIN_EXPONENT: Final = -130  # 1E-130 is the smallest above zero

_NUMBER_SYNTAX: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_STORED_FORM: Final = re.compile(r"0|-?[1-9]\d{0,37}", re.ASCII)  # the form of most numbers: nothing to change
# An attribute value within JSON. In a string its quotes would be escaped, so it is found nowhere else.
_NUMBER_VALUE: Final = re.compile(r'\{"N": "([^"]*)"\}')
_NUMBER_SET: Final = re.compile(r'\{"NS": (\[[^\]]*\])\}')
_STRING: Final = re.compile(r'"([^"]*)"')


def stored_number(text: str) -> str:
    """Return a number as DynamoDB reads it back.

    Args:
        text: the number as the client wrote it.

    Raises:
        MockValidationException: it is not a number, or has too many digits, or is out of range.
    """
    if _STORED_FORM.fullmatch(text):
        return text
    if not _NUMBER_SYNTAX.fullmatch(text):
        raise MockValidationException(f"The parameter cannot be converted to a numeric value: {text}")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what decimal holds, such as 1E9999999999999999999
        raise MockValidationException(f"The parameter cannot be converted to a numeric value: {text}") from None
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0").rstrip("0")
    if not digits:
        return _zero(number)
    if number.adjusted() > MAX_EXPONENT:
        raise MockValidationException(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        )
    if number.adjusted() < MIN_EXPONENT:
        raise MockValidationException(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    if len(digits) > MAX_DIGITS:
        raise MockValidationException("Attempting to store more than 38 significant digits in a Number")
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def with_stored_numbers(text: str) -> str:
    """Return attribute values, JSON as `json.dumps` writes it, with each number as DynamoDB reads it back.

    Raises:
        MockValidationException: a number is one that DynamoDB refuses.
    """
    if '{"N": "' in text:
        text = _NUMBER_VALUE.sub(lambda found: f'{{"N": "{stored_number(found[1])}"}}', text)
    if '{"NS": [' in text:
        text = _NUMBER_SET.sub(lambda found: f'{{"NS": {_STRING.sub(_stored_member, found[1])}}}', text)
    return text


def store_numbers(value: Any) -> None:
    """Change each number within a parsed request, in place, to what DynamoDB reads back.

    Raises:
        MockValidationException: a number is one that DynamoDB refuses.
    """
    if isinstance(value, list):
        for each in value:
            store_numbers(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "N" and len(value) == 1 and isinstance(each, str):
                value[name] = stored_number(each)
            elif name == "NS" and len(value) == 1 and isinstance(each, list):
                value[name] = [stored_number(member) for member in each if isinstance(member, str)]
            else:
                store_numbers(each)


def _zero(number: Decimal) -> str:
    """Zero itself, or a refusal where its exponent is out of range: AWS refuses `0e1000` since 2025."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not MIN_EXPONENT <= exponent <= MAX_EXPONENT:
        raise MockValidationException(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        )
    return "0"


def _stored_member(found: re.Match[str]) -> str:
    return f'"{stored_number(found[1])}"'
