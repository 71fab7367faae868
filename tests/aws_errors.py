"""Errors as AWS answers with them."""

from typing import Any

from botocore.exceptions import ClientError


def aws_error(code: str, status: int = 400, message: str = "", operation: str = "AnOperation") -> ClientError:
    """The exception that a client raises for an answer of this code."""
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)
