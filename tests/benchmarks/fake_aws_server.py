"""The process of `tests.benchmarks.fake_aws`; ends when its standard input does, and so with whoever started it."""

import asyncio
import hashlib
import json
import sys
import threading
from collections import Counter, defaultdict
from typing import Any

import httptools
import uvloop

from tests.benchmarks.machine import pin

# What to count in a request's body: quotes inside JSON strings are escaped, so these are the members themselves.
ENTRY_MARKS = {
    "PutRecords": b'"PartitionKey"',
    "BatchWriteItem": b'"PutRequest"',
    "SendMessageBatch": b'"MessageBody"',
}
STREAM_RECORD = '{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898","ShardId":"shardId-0"}'


class FakeServices:
    """What the endpoint knows: its settings, its counts, the objects it was given."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.keep = False
        self.counts: Counter[str] = Counter()
        self.kept: dict[str, list[str]] = defaultdict(list)
        self.answers: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}

    def control(self, path: str, body: bytes) -> bytes:
        """Answer what the benchmark itself asks."""
        what, _, name = path.removeprefix("/_fake/").partition("/")
        answer: Any = {}
        match what:
            case "settings":
                settings = json.loads(body)
                self.latency, self.keep = settings["latency_ms"] / 1000, settings["keep"]
                self.counts.clear()
                self.kept.clear()
            case "answers":
                self.answers[name] = body
            case "counts":
                answer = dict(self.counts)
            case "kept":
                answer = self.kept[name]
        return json.dumps(answer).encode()

    def service(self, operation: str, body: bytes) -> bytes:
        """Answer a call of a JSON service."""
        mark = ENTRY_MARKS.get(operation)
        entries = body.count(mark) if mark else 1
        self.counts[operation] += 1
        self.counts[f"{operation}.entries"] += entries
        if self.keep:
            self.kept[operation].append(body.decode())
        if operation in self.answers:
            return self.answers[operation]
        match operation:
            case "PutRecord":
                return STREAM_RECORD.encode()
            case "PutRecords":
                records = ",".join([STREAM_RECORD] * entries)
                return f'{{"FailedRecordCount":0,"Records":[{records}]}}'.encode()
            case "BatchWriteItem":
                return b'{"UnprocessedItems":{}}'
            case "SendMessage":
                digest = hashlib.md5(json.loads(body)["MessageBody"].encode(), usedforsecurity=False).hexdigest()
                return f'{{"MD5OfMessageBody":"{digest}","MessageId":"{self.counts[operation]:032x}"}}'.encode()
            case _:
                return b"{}"

    def object(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Put or get an object of S3."""
        self.counts[f"S3.{method}"] += 1
        if method == "PUT":
            self.objects[path] = body
            return 200, b""
        found = self.objects.get(path)
        return (404, b"") if found is None else (200, found)


class Connection(asyncio.Protocol):
    """One client's connection; it sends one request at a time, as AWS clients do."""

    def __init__(self, services: FakeServices) -> None:
        self._services = services
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path = b""
        self._operation = ""
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == b"x-amz-target":
            self._operation = value.decode("ascii").rpartition(".")[2]
        elif lower == b"expect":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body, path, status = b"".join(self._body), self._path.decode("latin-1"), 200
        latency = self._services.latency
        if self._operation:
            answer = self._services.service(self._operation, body)
        elif path.startswith("/_fake/"):
            answer, latency = self._services.control(path, body), 0.0
        else:
            status, answer = self._services.object(self._parser.get_method().decode("ascii"), path, body)
        reason = "OK" if status == 200 else "Not Found"
        head = (
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/x-amz-json-1.1\r\n"
            f"x-amzn-RequestId: 0\r\nContent-Length: {len(answer)}\r\n\r\n"
        )
        self._answer(head.encode() + answer, latency)

    def _answer(self, answer: bytes, latency: float) -> None:
        if latency:
            asyncio.get_running_loop().call_later(latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def serve() -> None:
    """Serve on a free port of the loopback, and say which on standard output."""
    services = FakeServices()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(services), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    threading.Thread(
        target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), name="until-stdin-ends", daemon=True
    ).start()
    await ended.wait()


if __name__ == "__main__":
    pin(int(sys.argv[1]))
    uvloop.run(serve())
