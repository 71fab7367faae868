"""HTTP from the command: one pool, bounded time, retries that honour Retry-After."""

import functools
import json
from typing import Any, Final

import click
import urllib3

from infra.cli.context import CommandError
from infra.terminal import shown

TRIES: Final = 15  # a second apart: longer than a function that was killed keeps a key in progress
TIMEOUT_SECONDS: Final = 30.0
_WHY: Final = {
    409: "another request with this key is under way",
    429: "over the rate limit",
    503: "the stream took nothing",
    504: "no answer in time",
}


class AnnouncedRetry(urllib3.Retry):
    """Retries that say, on standard error, why they wait and how long."""

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        """Wait before the next try."""
        asked = self.get_retry_after(response) if response is not None else None
        seconds = self.get_backoff_time() if asked is None else asked
        why = "the connection was cut" if response is None else _WHY.get(response.status, f"HTTP {response.status}")
        click.echo(f"{why}: waiting {seconds:.1f} s, then trying again with the same key", err=True)
        super().sleep(response)


@functools.cache
def pool(*, announced: bool = False) -> urllib3.PoolManager:
    """The connection pool. 409, 429, 503 and 504 are retried after what Retry-After says.

    Args:
        announced: say so on standard error.
    """
    return urllib3.PoolManager(
        maxsize=16,
        timeout=urllib3.Timeout(TIMEOUT_SECONDS),
        retries=(AnnouncedRetry if announced else urllib3.Retry)(
            total=TRIES,
            connect=0,
            status_forcelist=(
                409,
                429,
                503,
                504,
            ),  # under way for another request, over the rate, nothing taken, in doubt
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
        return pool(announced=body is not None).request(method, url, body=body, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise CommandError(
            f"nobody answers at {url}; is the pipeline running (spillway run)? ({type(error).__name__})"
        ) from error


def get_json(url: str) -> Any:
    """The JSON at an address.

    Raises:
        CommandError: nobody answers there, or not with JSON.
    """
    answer = request("GET", url)
    said = shown(answer.data[:200].decode("utf-8", "replace"))
    if answer.status != 200:
        raise CommandError(f"{url} answers {answer.status}: {said}")
    try:
        return json.loads(answer.data)
    except ValueError as error:
        raise CommandError(f"{url} does not answer with JSON: {said}") from error
