"""`spillway load` against an API that keeps what it accepts: nothing is lost, nothing is sent as two."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.loading.journal import journal_path

SPILLWAY = str(Path(sys.executable).with_name("spillway"))


class Api(ThreadingHTTPServer):
    """Accepts each key once, as the HTTP API does; every event is a number."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.accepted: dict[str, list[int]] = {}
        self.requests: list[str] = []
        self.seconds = 0.0

    @property
    def events(self) -> list[int]:
        return sorted(number for numbers in self.accepted.values() for number in numbers)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        lines = gzip.decompress(body).decode().splitlines()
        key = self.headers["Idempotency-Key"]
        server.requests.append(key)
        server.accepted[key] = [json.loads(line)["n"] for line in lines]
        time.sleep(server.seconds)
        answer = json.dumps({"results": [{"status": "accepted"} for _ in lines]}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    for number, path in enumerate(paths):
        path.write_text("".join(f'{{"n":{number * 20_000 + n}}}\n' for n in range(20_000)))
    return paths


def command(api: Api, *words: object) -> subprocess.Popen[str]:
    url = f"http://127.0.0.1:{api.server_address[1]}/dev/app"
    return subprocess.Popen(
        [SPILLWAY, "load", "--url", url, *map(str, words)],
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(api: Api, *words: object) -> tuple[int, str, str]:
    load = command(api, *words)
    out, err = load.communicate(timeout=60)
    return load.returncode, out, err


@pytest.mark.parametrize("seed", range(3))
def test_a_load_of_two_files_that_is_killed_again_and_again_is_exact(api, paths, seed):
    api.seconds = 0.02
    chance = random.Random(seed)
    resume: list[str] = []
    kills = 0
    for _ in range(40):
        load = command(api, *resume, *paths)
        before = len(api.requests)
        wanted = chance.randrange(1, 20)
        deadline = time.monotonic() + 20
        while load.poll() is None and len(api.requests) - before < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        if load.poll() is None:
            load.send_signal(signal.SIGKILL)
            kills += 1
        _, err = load.communicate(timeout=30)
        resume = ["--resume"]
        if load.returncode == 0:
            break
        assert load.returncode == -signal.SIGKILL, err
    assert kills >= 4
    assert api.events == list(range(40_000))
    assert not [path for path in paths if journal_path(path).exists()]


def test_an_earlier_load_is_neither_forgotten_nor_repeated_unasked(api, paths):
    api.seconds = 0.05
    load = command(api, *paths)
    while len(api.requests) < 8:
        time.sleep(0.01)
    load.send_signal(signal.SIGINT)
    _, err = load.communicate(timeout=30)
    assert load.returncode == 1
    assert "interrupted: " in err
    assert f"Continue with: spillway load --resume {paths[0]} {paths[1]}" in err
    assert "Traceback" not in err
    sent = len(api.requests)
    status, _, err = run(api, *paths)
    assert status == 1
    assert "give --resume to continue it, or --restart to send everything again" in err
    assert len(api.requests) == sent
    assert run(api, "--resume", *paths)[0] == 0
    assert api.events == list(range(40_000))
    status, _, err = run(api, "--resume", *paths)
    assert (status, "there is nothing to resume" in err) == (1, True)
    assert run(api, "--restart", paths[0])[0] == 0
    assert len(api.events) == 60_000


def test_standard_input_is_loaded(api, tmp_path):
    url = f"http://127.0.0.1:{api.server_address[1]}/dev/app"
    done = subprocess.run(
        [SPILLWAY, "load", "--url", url, "--format", "csv", "-"],
        input="n\n1\n2\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("2 events accepted")
    assert api.events == [1, 2]


def test_a_ragged_row_is_rejected_and_kept_and_the_others_are_sent(api, tmp_path):
    path, rejects = tmp_path / "e.csv", tmp_path / "rejects.ndjson"
    path.write_text("n,m\n1,2\n3\n5,6\n")
    status, out, err = run(api, "--rejects", rejects, path)
    assert status == 1
    assert out.startswith("2 events accepted")
    assert "row 3 has 1 values under 2 names" in err
    assert "1 entry was rejected" in err
    assert json.loads(rejects.read_text())["entry"] == "3"
    assert api.events == [1, 5]


def test_rejects_are_not_written_through_a_symbolic_link(api, tmp_path):
    path, target, rejects = tmp_path / "e.ndjson", tmp_path / "precious", tmp_path / "rejects"
    path.write_text('{"n":1}\n')
    target.write_text("as it was")
    rejects.symlink_to(target)
    status, _, err = run(api, "--rejects", rejects, path)
    assert status == 1
    assert "is a symbolic link" in err
    assert target.read_text() == "as it was"


@pytest.mark.parametrize(
    "words",
    [
        ["--resume", "--restart", "{path}"],
        ["-", "{path}"],
        ["--resume", "-"],
        ["{path}", "{path}"],
        ["--delimiter", "ab", "{path}"],
        ["--encoding", "nosuch", "{path}"],
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(api, tmp_path, words):
    path = tmp_path / "e.csv"
    path.write_text("n\n1\n")
    assert run(api, *(word.format(path=path) for word in words))[0] == 2
