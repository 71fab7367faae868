"""The HTTP API over real HTTP: the real handler behind the local gateway, in this process."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import msgspec
import pytest
import urllib3

from infra.local.pipeline import LocalPipeline
from infra.settings import Settings, load
from producers.aggregation import deaggregate
from producers.event import Event, decode


@dataclass(frozen=True)
class Reply:
    """An answer: its status, headers, and body as JSON where there is one."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Api:
    """A running API, and the stream behind it."""

    pipeline: LocalPipeline

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        origin = "/".join(self.pipeline.url.split("/")[:3])
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = urllib3.request(method, origin + path, body=body, headers=fields, retries=False, timeout=30)
        is_json = answer.data and answer.headers["content-type"] == "application/json"
        return Reply(answer.status, dict(answer.headers.items()), json.loads(answer.data) if is_json else answer.data)

    def post(self, body: bytes, content_type: str = "application/json", **headers: str) -> Reply:
        return self.request("POST", "/dev/app", body, content_type=content_type, **headers)

    def events(self) -> list[Event]:
        """Every event on the stream, in no order."""
        kinesis = boto3.client("kinesis")
        name = self.pipeline.names.stream
        events = []
        for shard in kinesis.list_shards(StreamName=name)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
                events += [decode(user.data) for user in deaggregate(record["PartitionKey"], record["Data"])]
        return events


Start = Callable[..., Api]


def changed(settings: Settings, **sections: dict[str, Any]) -> Settings:
    """Settings with some of them changed."""
    document = msgspec.to_builtins(settings)
    for name, values in sections.items():
        document[name] |= values
    return msgspec.convert(document, Settings)


# The kind of API in front, and whether PutRecords goes over the wire client: every test runs with each.
@pytest.fixture(scope="module", params=[("rest", False), ("http", False), ("http", True)], ids=["rest", "http", "wire"])
def behind(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What differs in the settings of the runs."""
    door, wire_client = request.param
    return {"door": door, "wire_client": wire_client}


@pytest.fixture(scope="module")
def door(behind: dict[str, Any]) -> str:
    """The kind of API in front."""
    return str(behind["door"])


@pytest.fixture
def start(behind: dict[str, Any]) -> Iterator[Start]:
    """Starts an API with some settings changed; without limits if nobody asks for them."""
    running: list[LocalPipeline] = []

    def start_one(**sections: dict[str, Any]) -> Api:
        http = {**behind, **sections.pop("http", {})}
        settings = changed(load("local"), **{"local": {"limits": "off"}, "http": http, **sections})
        running.append(LocalPipeline(settings, "local", 0, 0).__enter__())
        return Api(running[-1])

    yield start_one
    for pipeline in running:
        pipeline.__exit__()


@pytest.fixture(scope="module")
def api(behind: dict[str, Any]) -> Iterator[Api]:
    """One API for the tests of a module."""
    settings = changed(load("local"), local={"limits": "off"}, http=behind)
    with LocalPipeline(settings, "local", 0, 0) as pipeline:
        yield Api(pipeline)
