"""Key values as bytes that sort as DynamoDB sorts the values."""

import base64
from decimal import Decimal
from typing import Any, Final

_ZERO: Final = b"\x80"
_EXPONENT_BIAS: Final = 1_000  # makes every exponent, from -130 to 125, a positive number of two bytes


def key_bytes(value: dict[str, Any]) -> bytes:
    """A key attribute as bytes.

    Args:
        value: such as `{"S": "text"}`; a binary value as bytes or in base64.
    """
    [(kind, content)] = value.items()
    if kind == "S":
        return str(content).encode("utf-8", "surrogatepass")
    if kind == "N":
        return _number_bytes(Decimal(content))
    return content if isinstance(content, bytes) else base64.b64decode(content)


def _number_bytes(number: Decimal) -> bytes:
    """Sign, exponent and digits; a negative number's digits are inverted, so that the largest comes first."""
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if not digits:
        return _ZERO
    size = (number.adjusted() + _EXPONENT_BIAS).to_bytes(2) + digits.encode()
    return b"\x81" + size if number > 0 else b"\x7f" + bytes(255 - byte for byte in size) + b"\xff"
