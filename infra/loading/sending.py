"""Sending entries to the HTTP API: in batches, several requests under way, nothing forgotten."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

import urllib3

from infra.loading.sources import Entry
from producers.explained import Explained

BATCH_ENTRIES: Final = 500
BATCH_CHARACTERS: Final = 1_000_000  # of a request, before compression; 6 MB is what the API takes
TRIES: Final = 10  # for a batch of which the stream does not acknowledge every event
REQUESTS_UNDER_WAY: Final = 4

_UNACKNOWLEDGED: Final = ("throttled", "in_doubt")
_REFUSED_WHOLE: Final = (400, 413)  # a body that is not UTF-8, or too large


class LoadFailed(Explained):
    """Loading cannot go on; the message says at which entry, and why."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that the API did not accept, and what it said."""

    entry: Entry
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one batch; accepted and rejected are all of it.

    Args:
        first, last: numbers of the entries that it began and ended with.
        accepted: how many the API accepted.
        rejected: those it did not.
    """

    first: int
    last: int
    accepted: int
    rejected: list[Rejected]


class Sender:
    """Posts entries as events.

    Args:
        pool: waits and tries again on 409, 429 and 503, as Retry-After says.
        url: where to post.
        load_id: names this load. A batch of it that is posted again, by whichever process, is answered as before
            and accepted once: `Idempotency-Key` is made of the load's id and the batch's place and content.
        headers: for every request, such as an API key.
    """

    def __init__(
        self, pool: urllib3.PoolManager, url: str, load_id: str, headers: dict[str, str] | None = None
    ) -> None:
        self._pool = pool
        self._url = url
        self._load_id = load_id
        self._headers = headers or {}

    def send(self, entries: Iterable[Entry]) -> Iterator[Sent]:
        """Send entries, and yield what became of each batch as it is known, in no order.

        Raises:
            LoadFailed: nobody answers, or not as the API does. Batches under way then are finished, not reported.
        """
        with ThreadPoolExecutor(REQUESTS_UNDER_WAY, thread_name_prefix="load") as executor:
            under_way: set[Future[Sent]] = set()
            for batch in _batches(entries):
                under_way.add(executor.submit(self._send_batch, batch))
                if len(under_way) == REQUESTS_UNDER_WAY:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            done, _ = wait(under_way)
            yield from (future.result() for future in done)

    def _send_batch(self, batch: list[Entry]) -> Sent:
        """Send a batch, the whole of it again where the stream did not acknowledge all of its events.

        The key is the same each time, so the events that were accepted before are not put again.
        """
        for _ in range(TRIES):
            results = self._post(batch)
            if all(result["status"] not in _UNACKNOWLEDGED for result in results):
                rejected = [
                    Rejected(entry, result["error"])
                    for entry, result in zip(batch, results, strict=True)
                    if result["status"] != "accepted"
                ]
                return Sent(batch[0].number, batch[-1].number, len(batch) - len(rejected), rejected)
        raise LoadFailed(f"at {batch[0].number}: the stream did not acknowledge it in {TRIES} tries")

    def _post(self, batch: list[Entry]) -> list[dict[str, Any]]:
        body = "\n".join(entry.text for entry in batch).encode("utf-8", "surrogateescape")
        key = hashlib.sha256(f"{self._load_id}/{batch[0].number}/".encode() + body).hexdigest()
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Idempotency-Key": key,
            **self._headers,
        }
        try:
            answer = self._pool.request("POST", self._url, body=gzip.compress(body, 1, mtime=0), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise LoadFailed(
                f"at {batch[0].number}: nobody answers at {self._url}: is the pipeline running (spillway run)? "
                f"({type(error).__name__})"
            ) from error
        answered = _json_object(answer.data)
        if "results" in answered:
            results: list[dict[str, Any]] = answered["results"]
            return results
        if answer.status in (503, 504):  # 503 after as many tries as the pool makes
            return [{"status": "in_doubt"}] * len(batch)
        if answer.status in _REFUSED_WHOLE and "error" in answered:
            if len(batch) == 1:
                return [{"status": "invalid", "error": answered["error"]}]
            middle = len(batch) // 2  # one entry spoils the request: halve it until that one is found
            return self._post(batch[:middle]) + self._post(batch[middle:])
        said = answer.data[:200].decode("utf-8", "replace")
        raise LoadFailed(f"at {batch[0].number}: {self._url} answers {answer.status}: {said}")


def _json_object(data: bytes) -> dict[str, Any]:
    """An answer's JSON object; empty where it is none."""
    try:
        answered = json.loads(data)
    except ValueError:
        return {}
    return answered if isinstance(answered, dict) else {}


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Group entries into requests."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == BATCH_ENTRIES or size + len(entry.text) > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += len(entry.text) + 1
    if batch:
        yield batch
