"""HTTP from the command: one pool, bounded time, retries that honour Retry-After."""

import functools
import json
from typing import Any, Final

import urllib3

from infra.cli.context import CommandError

TRIES: Final = 15  # a second apart: longer than a function that was killed keeps a key in progress
TIMEOUT_SECONDS: Final = 30.0


@functools.cache
def pool() -> urllib3.PoolManager:
    """The connection pool. 409, 429 and 503 are tried again after what Retry-After says."""
    return urllib3.PoolManager(
        maxsize=16,
        timeout=urllib3.Timeout(TIMEOUT_SECONDS),
        retries=urllib3.Retry(
            total=TRIES,
            connect=0,
            status_forcelist=(409, 429, 503),  # under way for another request, over the rate, nothing taken
            allowed_methods=None,
            backoff_factor=0.2,
            backoff_jitter=0.2,
            respect_retry_after_header=True,
            raise_on_status=False,
        ),
    )


def request(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    """Make a request.

    Raises:
        CommandError: nobody answers there.
    """
    try:
        return pool().request(method, url, body=body, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise CommandError(
            f"nobody answers at {url}; is the pipeline running (spillway run)? {_reason(error)}"
        ) from error


def get_json(url: str) -> Any:
    """The JSON at an address.

    Raises:
        CommandError: nobody answers there, or not with JSON.
    """
    answer = request("GET", url)
    if answer.status != 200:
        raise CommandError(f"{url} answers {answer.status}: {answer.data[:200]!r}")
    return json.loads(answer.data)


def _reason(error: Exception) -> str:
    return f"({type(error).__name__})"
