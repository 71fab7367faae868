"""Sending batches to the HTTP API: several requests under way, nothing forgotten, the same keys every time."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

import urllib3

from infra.loading.sources import Batch, Entry
from producers.explained import Explained

TRIES: Final = 10  # for a batch of which the stream does not acknowledge every event
REQUESTS_UNDER_WAY: Final = 4

_UNACKNOWLEDGED: Final = ("throttled", "in_doubt")
_REFUSED_WHOLE: Final = (400, 413)  # a body that is not UTF-8, or too large


class LoadFailed(Explained):
    """Loading cannot go on; the message says at which entry, and why."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that is not an event, and why."""

    entry: Entry
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one batch; accepted and rejected add up to it.

    Args:
        first, last: numbers of the entries that it began and ended with.
        accepted: how many the API accepted.
        rejected: the others.
    """

    first: int
    last: int
    accepted: int
    rejected: list[Rejected]


class Sender:
    """Posts batches of entries as events.

    Args:
        pool: waits and retries on 409, 429 and 503, as Retry-After says.
        url: where to post.
        load_id: names this load. A batch that is posted again, by whichever process, is answered as before and
            accepted once: `Idempotency-Key` is made of the load's id, the file, and the batch's place and content.
        headers: for every request, such as an API key.
    """

    def __init__(
        self, pool: urllib3.PoolManager, url: str, load_id: str, headers: dict[str, str] | None = None
    ) -> None:
        self._pool = pool
        self._url = url
        self._load_id = load_id
        self._headers = headers or {}

    def send(self, batches: Iterable[Batch], file: str = "") -> Iterator[Sent]:
        """Send batches, and yield what became of each as it is known, in no order.

        Args:
            batches: of one file.
            file: keeps files of one load apart that have the same content.

        Raises:
            LoadFailed: nobody answers, or not as the API does. Batches under way then are finished, not reported.
        """
        with ThreadPoolExecutor(REQUESTS_UNDER_WAY, thread_name_prefix="load") as executor:
            under_way: set[Future[Sent]] = set()
            for batch in batches:
                under_way.add(executor.submit(self._send_batch, batch, file))
                if len(under_way) == REQUESTS_UNDER_WAY:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            done, _ = wait(under_way)
            yield from (future.result() for future in done)

    def _send_batch(self, batch: Batch, file: str) -> Sent:
        """Send a batch, the whole of it again while the stream does not acknowledge all of its events.

        The entries are the same each time, and so is the key: the API puts only the events that are missing, under the
        keys that they had at first.
        """
        rejected = [Rejected(entry, entry.problem) for entry in batch.entries if entry.problem is not None]
        entries = [entry for entry in batch.entries if entry.problem is None]
        if not entries:
            return Sent(batch.first, batch.last, 0, rejected)
        for _ in range(TRIES):
            results = self._post(entries, file)
            if not any(result["status"] in _UNACKNOWLEDGED for result in results):
                refused = [
                    Rejected(entry, result["error"])
                    for entry, result in zip(entries, results, strict=True)
                    if result["status"] != "accepted"
                ]
                return Sent(batch.first, batch.last, len(entries) - len(refused), rejected + refused)
        raise LoadFailed(
            f"entry {entries[0].number}: the stream did not acknowledge it in {TRIES} tries; `spillway shards report` "
            "shows how full the shards are"
        )

    def _post(self, entries: list[Entry], file: str) -> list[dict[str, Any]]:
        body = "\n".join(entry.text for entry in entries).encode("utf-8", "surrogateescape")
        key = hashlib.sha256(f"{self._load_id}/{file}/{entries[0].number}/".encode() + body).hexdigest()
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Idempotency-Key": key,
            **self._headers,
        }
        at = f"entry {entries[0].number}"
        try:
            answer = self._pool.request("POST", self._url, body=gzip.compress(body, 1, mtime=0), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise LoadFailed(
                f"{at}: nobody answers at {self._url}: is the pipeline running (spillway run)? ({type(error).__name__})"
            ) from error
        answered = _json_object(answer.data)
        if "results" in answered:
            results: list[dict[str, Any]] = answered["results"]
            return results
        if answer.status in (503, 504):  # after as many tries as the pool makes
            return [{"status": "in_doubt"}] * len(entries)
        if answer.status in _REFUSED_WHOLE and "error" in answered:
            if len(entries) == 1:
                return [{"status": "invalid", "error": answered["error"]}]
            middle = len(entries) // 2  # one entry spoils the request: halve it until that one is found
            return self._post(entries[:middle], file) + self._post(entries[middle:], file)
        said = answer.data[:200].decode("utf-8", "replace")
        raise LoadFailed(f"{at}: {self._url} answers {answer.status}: {said}")


def _json_object(data: bytes) -> dict[str, Any]:
    """An answer's JSON object; empty where it is not one."""
    try:
        answered = json.loads(data)
    except ValueError:
        return {}
    return answered if isinstance(answered, dict) else {}
