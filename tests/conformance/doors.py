"""API Gateway in front of a function: requests over HTTP, and what the function and the client see of them."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import urllib3

# Answers with the event itself, or with what the request's body says.
ECHO = """
def answer(event):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
OBEDIENT = """
def answer(event):
    body = event["body"]
    text = base64.b64decode(body).decode() if event["isBase64Encoded"] else body
    if text == "raise":
        raise ValueError("as the test says")
    return json.loads(text)
"""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The event that the function was invoked with, where it echoes it."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class ServedDoor:
    """An API at a URL, its stage included; its resource is /app."""

    url: str

    def post(self, body: bytes = b"", *, query: str = "", headers: list[tuple[str, str]] | None = None) -> Reply:
        """Post to /app, with exactly these headers."""
        fields = urllib3.HTTPHeaderDict()
        for name, value in headers or []:
            fields.add(name, value)
        answer = urllib3.request(
            "POST", f"{self.url}/app{query}", body=body, headers=fields, retries=False, timeout=40, decode_content=False
        )
        return Reply(answer.status, answer.headers, answer.data)

    def get(self, path: str) -> Reply:
        answer = urllib3.request("GET", self.url + path, retries=False, timeout=40)
        return Reply(answer.status, answer.headers, answer.data)


def body_of(event: dict[str, Any]) -> bytes:
    """The bytes of a body, as a function reads them."""
    text = event.get("body") or ""
    return base64.b64decode(text) if event["isBase64Encoded"] else text.encode()


def lowered(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}
