"""Clients that post one event after the other: threads of a process of their own.

    python -m tests.benchmarks.posting URL CLIENTS POSTS_EACH

Prints as JSON the milliseconds of every post and the seconds of all. An answer other than 201 is an error.
"""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.benchmarks.events import payloads

SECONDS = 300


@dataclass(frozen=True, slots=True)
class Posts:
    """How long posting took.

    Args:
        milliseconds: of each post, sorted.
        seconds: of all.
    """

    milliseconds: list[float]
    seconds: float

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many percent were answered."""
        return self.milliseconds[min(len(self.milliseconds) - 1, int(len(self.milliseconds) * percent / 100))]

    @property
    def per_second(self) -> float:
        """Posts a second, of all clients together."""
        return len(self.milliseconds) / self.seconds


def post(url: str, clients: int, posts_each: int) -> Posts:
    """Post from a process of its own, so that the clients' work is not counted to anything measured here."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.posting", url, str(clients), str(posts_each)],
        check=True,
        stdout=subprocess.PIPE,
        timeout=SECONDS,
    )
    return Posts(**json.loads(done.stdout))


def main(url: str, clients: int, posts_each: int) -> None:
    """Post, and print how long it took."""
    milliseconds: list[float] = []
    problems: list[str] = []
    texts = payloads(posts_each)
    threads = [threading.Thread(target=_client, args=(url, texts, milliseconds, problems)) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if problems:
        sys.exit(problems[0])
    json.dump({"milliseconds": sorted(milliseconds), "seconds": seconds}, sys.stdout)


def _client(url: str, texts: list[str], milliseconds: list[float], problems: list[str]) -> None:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        for payload in texts:
            began = time.perf_counter()
            connection.request("POST", address.path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            milliseconds.append((time.perf_counter() - began) * 1000)
            if answer.status != 201:
                problems.append(f"answered {answer.status}: {body[:200]!r}")
                return
    except OSError as error:
        problems.append(f"{type(error).__name__}: {error}")
    finally:
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
