"""What AWS refuses, and how it words it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(*codes: str, saying: str = "") -> Iterator[None]:
    """What is done inside must be refused with one of these codes, and a message that contains a text.

    Args:
        codes: AWS error codes.
        saying: a part of the message, word for word; `…` stands for anything.
    """
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"].rpartition("#")[2] in codes, f"refused with {error['Code']}: {error['Message'][:120]}"
    pattern = ".*".join(re.escape(part) for part in saying.split("…"))
    assert re.search(pattern, error["Message"], re.DOTALL), f"it says: {error['Message'][:160]}"
