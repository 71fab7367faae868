"""Bad weather: faults that AWS documents, drawn from a seed, injected into the clients of a running pipeline."""

import base64
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

import producers.aws
from tests.faults import Answer, Request, answer, failure, injected

SLOW_SECONDS = 0.05
THROTTLE = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}


class Killed(BaseException):
    """The execution environment is gone, in the middle of a handler."""


class Weather:
    """Draws faults. Calm ends it: from then on every request passes.

    Args:
        seed: of the draws; the order in which threads draw is the machine's.
        share: of requests that are hit.
        account: services that answer in the same process, for faults after the effect took place.
    """

    def __init__(self, seed: int, share: float, account: dict[str, Any]) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._share = share
        self._account = account
        self._calm = threading.Event()
        self.hits: Counter[str] = Counter()

    def calm(self) -> None:
        """From now on every request passes."""
        self._calm.set()

    @contextmanager
    def over(self) -> Iterator[None]:
        """Let it blow over every client that the functions use."""
        with ExitStack() as stack:
            for service, operation, faults in (
                ("kinesis", "PutRecords", self._put_records()),
                ("dynamodb", "BatchWriteItem", self._batch_write_item()),
                ("sqs", "SendMessage", _any_service("RequestThrottled", "ServiceUnavailable")),
                ("s3", "PutObject", _any_service("SlowDown", "InternalError")),
                ("kinesis", "GetRecords", _any_service("ProvisionedThroughputExceededException")),
            ):
                client = producers.aws.client(service)
                stack.enter_context(injected(client, operation, self._drawing(f"{service}.{operation}", faults)))
            yield

    def draw(self, name: str, faults: list[str]) -> str | None:
        """One of some faults, or none; each is counted."""
        if self._calm.is_set():
            return None
        with self._lock:
            if self._random.random() >= self._share:
                return None
            fault = self._random.choice(faults)
            self.hits[f"{name}.{fault}"] += 1
            return fault

    def _drawing(self, name: str, faults: dict[str, Callable[[Request], Answer]]) -> Callable[[Any], Answer]:
        def strike(request: Request) -> Answer:
            fault = self.draw(name, list(faults))
            return None if fault is None else faults[fault](request)

        return strike

    def _put_records(self) -> dict[str, Callable[[Request], Answer]]:
        def partial(request: Request) -> Answer:
            """The stream takes some of the records."""
            body = json.loads(request.body)
            refused = {n for n in range(len(body["Records"])) if self._random.random() < 0.5}
            taken = [record for n, record in enumerate(body["Records"]) if n not in refused]
            answers = iter(self._really_put(body, taken))
            records = [THROTTLE if n in refused else next(answers) for n in range(len(body["Records"]))]
            return answer(request, {"FailedRecordCount": len(refused), "Records": records})

        def lost_answer(request: Request) -> Answer:
            """The stream takes all, and nobody hears of it."""
            body = json.loads(request.body)
            self._really_put(body, body["Records"])
            return ReadTimeoutError(endpoint_url=request.url)

        return {
            "partial": partial,
            "lost answer": lost_answer,
            **_any_service("LimitExceededException", "InternalFailure"),
        }

    def _really_put(self, body: dict[str, Any], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not records:
            return []
        entries = [{**record, "Data": base64.b64decode(record["Data"])} for record in records]
        answers = self._account["kinesis"].put_records(StreamName=body["StreamName"], Records=entries)["Records"]
        return [dict(each) for each in answers]

    def _batch_write_item(self) -> dict[str, Callable[[Request], Answer]]:
        def unprocessed(request: Request) -> Answer:
            """The table takes some of the items."""
            ((table, requests),) = json.loads(request.body)["RequestItems"].items()
            taken = self._random.randrange(len(requests) + 1)
            self._really_write(table, requests[:taken])
            return answer(request, {"UnprocessedItems": {table: requests[taken:]} if requests[taken:] else {}})

        def lost_answer(request: Request) -> Answer:
            ((table, requests),) = json.loads(request.body)["RequestItems"].items()
            self._really_write(table, requests)
            return ReadTimeoutError(endpoint_url=request.url)

        def killed(request: Request) -> Answer:
            ((table, requests),) = json.loads(request.body)["RequestItems"].items()
            self._really_write(table, requests[: len(requests) // 2])
            raise Killed

        return {
            "unprocessed": unprocessed,
            "lost answer": lost_answer,
            "killed": killed,
            **_any_service("ThrottlingException", "InternalServerError"),
        }

    def _really_write(self, table: str, requests: list[dict[str, Any]]) -> None:
        if requests:
            self._account["dynamodb"].batch_write_item(RequestItems={table: requests})


def _any_service(*codes: str) -> dict[str, Callable[[Request], Answer]]:
    """Faults that any service may have, and some codes of its own."""
    return {
        **{code: _failing(code) for code in codes},
        "no answer": lambda request: ConnectTimeoutError(endpoint_url=request.url),
        "slow": _slow,
    }


def _failing(code: str) -> Callable[[Request], Answer]:
    return lambda request: failure(request, code, 503)


def _slow(_request: Request) -> Answer:
    time.sleep(SLOW_SECONDS)
    return None
