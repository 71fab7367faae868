"""A DynamoDB that fails as a test says, in ways that moto never does."""

import json
from typing import Any

from tests.aws_errors import aws_error

Item = dict[str, Any]


class FakeDynamoDB:
    """Takes BatchWriteItem calls.

    Args:
        script: for each call in turn an exception to raise, or how many of its items to leave unprocessed; past
            its end every item is taken.
        refused: payload texts of which an item makes a call invalid; `native` refuses every native payload.
    """

    def __init__(self, script: tuple[Exception | int, ...] = (), refused: tuple[str, ...] = ()) -> None:
        self.script = list(script)
        self.refused = refused
        self.items: dict[tuple[str, str], Item] = {}
        self.calls: list[int] = []

    def batch_write_item(self, body: bytes) -> dict[str, Any]:
        ((table, requests),) = json.loads(body)["RequestItems"].items()
        items = [request["PutRequest"]["Item"] for request in requests]
        self.calls.append(len(items))
        keys = [(item["timestamp"]["S"], item["request_id"]["S"]) for item in items]
        if len(set(keys)) < len(keys):
            raise aws_error("ValidationException", message="Provided list of item keys contains duplicates")
        if any(self._refuses(item) for item in items):
            raise aws_error("ValidationException", message="an item is invalid")
        step = self.script.pop(0) if self.script else 0
        if isinstance(step, Exception):
            raise step
        taken = len(items) - min(step, len(items))
        self.items.update(zip(keys[:taken], items[:taken], strict=True))
        return {"UnprocessedItems": {table: requests[taken:]} if requests[taken:] else {}}

    def _refuses(self, item: Item) -> bool:
        if "payload" in item:
            return "native" in self.refused or item["payload"].get("S") in self.refused
        return item["payload_json"]["S"].strip('"') in self.refused
