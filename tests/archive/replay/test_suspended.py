"""Replays that are suspended, as by Ctrl-Z or a sleeping laptop, taken over meanwhile, and resumed."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from archive.dead_letters.settled_lines import read_settled_lines, settled_key
from archive.replay import lock as lock_module
from archive.replay.lock import LEASE_SECONDS, LockLost, ReplayUnderWay
from infra.local.aws import kinesis
from tests.archive.replay.replay_under_test import ReplayUnderTest, Suspension
from tests.archive.replay.replayed_batches import fill, here, small_batches

__all__ = ["here", "small_batches"]  # fixtures

ROOT = Path(__file__).parents[3]


def operations(here: ReplayUnderTest) -> list[str]:
    """The calls of a replay that nothing disturbs."""
    fill(here)
    whole = Suspension(-1, lambda: None, before=True)
    here.replay(whole)
    return whole.operations


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_suspended_at_any_call_and_taken_over_every_event_is_put_back_once(here, before):
    calls = operations(here)
    # Nothing can be checked between the confirmed lease and the put: the process must not be suspended right there.
    puts = [at for at, operation in enumerate(calls) if operation == "PutRecords"]
    unchecked = puts if before else [at - 1 for at in puts]
    for at in sorted(set(range(len(calls))) - set(unchecked)):
        other = ReplayUnderTest(f"-{at}")
        everything = fill(other)

        def take_over(other=other):
            other.clock.advance(LEASE_SECONDS)
            other.replay(operator="bob")

        suspension = Suspension(at, take_over, before=before)
        with contextlib.suppress(LockLost, ReplayUnderWay):
            other.replay(suspension)
        assert other.counts() == everything, f"suspended at call {at}, {calls[at]}"
        for number in range(3):
            settled = read_settled_lines(other.documents, f"dead-letters/dt=2026-11-23/hour=02/m{number}.json")
            assert settled.lines() == {0, 1, 2}, f"suspended at call {at}, {calls[at]}"
    assert len(unchecked) == 3


def test_settled_lines_that_another_wrote_meanwhile_are_kept(here):
    fill(here, objects=1, each=6)
    key = "dead-letters/dt=2026-11-23/hour=02/m0.json"

    def another_settles() -> None:
        settled = read_settled_lines(here.documents, key)
        settled.add("another", "discarded", "2026-11-23", [5])
        here.documents.write(settled_key(key), settled.to_json())

    writes: list[int] = []

    def before_write(params, **_):
        if "replays/settled/" in params["url_path"]:
            writes.append(1)
            if len(writes) == 1:
                another_settles()

    class Watching(Suspension):
        def watch(self, client):
            client.meta.events.register_first("before-call.s3.PutObject", before_write)

    here.replay(Watching(-1, lambda: None, before=True))
    settled = read_settled_lines(here.documents, key)
    assert settled.lines() == set(range(6))
    assert settled.holds(5, "another")


@pytest.mark.parametrize("hours", [-3, 3])
def test_s3s_clock_gives_the_age_of_a_lease(here, hours):
    fill(here)
    refusals: list[str] = []

    def stop() -> bool:
        if not refusals:
            here.clock.advance(LEASE_SECONDS - 1)
            machine = type(here.clock)(here.clock.time() + hours * 3600)
            with pytest.raises(ReplayUnderWay) as refusal:
                here.replay(operator="bob", clock=machine)
            refusals.append(str(refusal.value))
        return False

    here.pids = os.getpid() - 2**22 - 1  # a process that lives
    here.replay(stop=stop)
    assert "last sign of life 89 s ago" in refusals[0]
    assert set(here.counts().values()) == {1}


STOPPING_ITSELF = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from tests.archive.replay import replay_under_test as under_test
from archive.replay import batches
batches.BATCH_EVENTS = 3

class StopAfterIntent:
    intents = 0
    def watch(self, client):
        client.meta.events.register_last("after-call.s3.PutObject", self.after)
        client.meta.events.register_first("before-call.s3.PutObject", self.before)
    def before(self, params, context, **_):
        body = params["body"].read()
        params["body"].seek(0)
        context["is_journal"] = "replays/journals/" in params["url_path"] and b'"intent": {' in body
    def after(self, context, **_):
        if context["is_journal"]:
            self.intents += 1
            if self.intents == 2:
                os.kill(os.getpid(), signal.SIGSTOP)

here = under_test.ReplayUnderTest(exists=True)
here.pids = os.getpid() - 2**22 - 1
here.replay(StopAfterIntent(), operator="ann")
"""


def test_a_process_that_was_really_stopped_between_intent_and_put_puts_nothing_more(monkeypatch):
    """With SIGSTOP, over HTTP, each process its own; the lease is one second for the one that takes over."""
    with kinesis.installed("off"):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_DEFAULT_REGION": "eu-west-2",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }.items():
            monkeypatch.setenv(name, value)
        child = None
        try:
            boto3.client("s3").list_buckets()
            here = ReplayUnderTest()
            everything = fill(here)
            child = subprocess.Popen(
                [sys.executable, "-c", STOPPING_ITSELF, str(ROOT)], stderr=subprocess.PIPE, text=True
            )
            given_up = threading.Timer(60, child.kill)
            given_up.start()
            _, status = os.waitpid(child.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), child.stderr.read() if child.stderr else ""
            assert here.counts().total() == 3
            monkeypatch.setattr(lock_module, "LEASE_SECONDS", 0.0)
            here.replay(operator="bob")
            assert here.counts() == everything
            os.kill(child.pid, signal.SIGCONT)
            _, errors = child.communicate(timeout=60)
            given_up.cancel()
            assert child.returncode == 1
            assert "LockLost" in errors
            assert here.counts() == everything
        finally:
            if child is not None and child.poll() is None:
                child.kill()
            server.stop()
