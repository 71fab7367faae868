"""What moto lacks for Terraform's calls, and is mended here."""
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from contextlib import ExitStack
from typing import Any
from moto.sqs.models import Queue


@contextmanager
def installed() -> Iterator[None]:
    """Mend moto for as long as the block lasts."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Queue, "BASE_ATTRIBUTES", [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]))
        stack.enter_context(patch.object(Queue, "redrive_allow_policy", None, create=True))
        yield
