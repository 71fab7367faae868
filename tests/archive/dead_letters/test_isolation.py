"""A bad line in the archive, which anybody may have written: it is listed, and harms no neighbour and no command."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from archive.dead_letters import claims as claims_module
from archive.dead_letters import reading
from archive.dead_letters.claims import MAX_CLAIM_BYTES, InvalidClaim, read_claim
from archive.dead_letters.failures import read_conversion_failed, read_dead_letter, read_processing_failed
from archive.dead_letters.outlook import STILL_FAILS, outlook_of
from archive.dead_letters.reading import READERS, FailureReader
from archive.dead_letters.selected import SelectedFailures
from archive.dead_letters.selection import document_of
from archive.dead_letters.stores import StoredObject, stores
from archive.replay.destinations import Planned
from archive.replay.document import InvalidEdit, pretty
from archive.replay.editing import edit_of
from archive.replay.plan import Left, Planner
from producers.event import encode
from tests.archive.dead_letters.error_objects import conversion_failed, processing_failed
from tests.archive.replay.replay_under_test import DEAD, FAILED_AT, LAKE, SELECTION, ReplayUnderTest, a_letter
from tests.aws_errors import aws_error
from tests.events import an_event

STORES = stores(DEAD, LAKE, timedelta(hours=24))
KEY = "dead-letters/dt=2026-11-23/hour=02/m.json"
DEEP = "[" * 100_000


def changed(line: bytes, **members: Any) -> bytes:
    return json.dumps({**json.loads(line), **members}).encode()


LETTER = a_letter(1).to_json().encode()
BAD_LINES = {
    "nothing": b"",
    "deep": DEEP.encode(),
    "not UTF-8": b"\xff",
    "a list": b"[]",
    "a number for the stage": changed(LETTER, stage=7),
    "a list for the stage": changed(LETTER, stage=["x"]),
    "a number for the time": changed(LETTER, failed_at=7),
    "a time without a zone": changed(LETTER, failed_at="2026-11-23T02:35:00"),
    "a text for the attempts": changed(LETTER, attempts="x"),
    "a text for the replays": changed(LETTER, replays="x"),
    "half of a surrogate pair": changed(LETTER, error={"type": "\ud800", "message": ""}),
    "a list for the error": changed(LETTER, error=[]),
    "a list for the source": changed(LETTER, source=[]),
    "a number for the data": changed(LETTER, data=7),
    "a number for the claim": changed(LETTER, data=None, data_ref=7),
    "a huge number": b'{"version":1,"attempts":' + b"9" * 5000 + b"}",
}


@pytest.fixture
def here(aws):
    return ReplayUnderTest()


@pytest.fixture
def failures(here):
    with ThreadPoolExecutor(READERS) as executor:
        yield SelectedFailures(here.s3, executor, STORES, here.documents)


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_listed_with_its_bytes_and_its_neighbours_are_read(here, failures, line):
    body = b"\n".join([a_letter(0).to_json().encode(), line, a_letter(2).to_json().encode(), b""])
    here.s3.put_object(Bucket=DEAD, Key=KEY, Body=body)
    first, bad, last = [failed for failed, _ in failures.select(SELECTION)]
    assert (first.stage, last.stage) == ("table_writer", "table_writer")
    assert (bad.stage, bad.data, bad.line) == ("unreadable", line, 1)
    assert outlook_of(bad).verdict == STILL_FAILS
    planner = Planner(failures.with_data)
    assert [type(planner.decide(failed)) for failed in (first, bad, last)] == [Planned, Left, Planned]
    assert failures.find(f"{KEY}#1")[0].stage == "unreadable"
    json.dumps(document_of(bad)).encode()


FIREHOSE_LINES = {
    "times of nothing": {"attemptEndingTimestamp": None},
    "a time beyond every calendar": {"attemptEndingTimestamp": 10**30},
    "a time beyond every float": {"attemptEndingTimestamp": 10**4000},
    "no number for a time": {"attemptEndingTimestamp": float("nan")},
    "an endless time": {"arrivalTimestamp": float("inf")},
    "a text for the attempts": {"attemptsMade": "x"},
    "a list for the data": {"rawData": []},
}


@pytest.mark.parametrize("change", FIREHOSE_LINES.values(), ids=FIREHOSE_LINES)
def test_a_bad_line_of_firehose_is_unreadable(change):
    for read, line in (
        (read_processing_failed, processing_failed(b"x")),
        (read_conversion_failed, conversion_failed(b"x")),
    ):
        bad = changed(line, **change)
        assert (read(KEY, 0, bad).stage, read(KEY, 0, bad).data) == ("unreadable", bad)


@pytest.mark.parametrize("code", [7, ["x"], None, "\ud800"])
def test_an_error_of_firehose_that_is_no_text_makes_its_line_unreadable(code):
    assert read_processing_failed(KEY, 0, changed(processing_failed(b"x"), errorCode=code)).stage == "unreadable"
    assert read_processing_failed(KEY, 0, changed(processing_failed(b"x"), errorMessage=code)).stage == "unreadable"
    assert read_conversion_failed(KEY, 0, changed(conversion_failed(b"x"), lastErrorCode=code)).stage == "unreadable"
    assert read_conversion_failed(KEY, 0, changed(conversion_failed(b"x"), lastErrorMessage=code)).stage == "unreadable"


@pytest.mark.parametrize("key", ["dead-letters/x.json", "dead-letters/dt=2026-02-31/hour=02/x", "a/dt=x/hour=99/b"])
def test_an_object_whose_key_names_no_hour_failed_when_it_was_written(failures, key):
    assert read_dead_letter(key, 0, b"x").failed_at == datetime(1970, 1, 1, tzinfo=UTC)
    stored = StoredObject(STORES[0], key, 1, FAILED_AT)
    failures.s3.put_object(Bucket=DEAD, Key=key, Body=b"x")
    reader = FailureReader(failures.s3, failures.executor, failures.documents)
    assert [failed.failed_at for failed, _ in reader.read([stored])] == [FAILED_AT]


CLAIMS = {
    "another bucket": "s3://lake/claims/x",
    "another prefix": "s3://dead/dead-letters/x",
    "no address": "x",
    "nothing": "",
    "missing": "s3://dead/claims/missing",
}


@pytest.mark.parametrize("uri", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_that_is_missing_or_not_ours_makes_its_own_line_unreadable(here, failures, uri):
    here.s3.put_object(Bucket=LAKE, Key="claims/x", Body=b"of others")
    here.s3.put_object(Bucket=DEAD, Key="dead-letters/x", Body=b"of others")
    here.archive("m", a_letter(0), replace(a_letter(1), data=None, data_ref=uri))
    good, bad = [failures.with_data(failed) for failed, _ in failures.select(SELECTION)]
    assert good.stage == "table_writer"
    assert (bad.stage, bad.data, bad.error.type, bad.is_lost) == ("unreadable", None, "InvalidClaim", False)
    assert outlook_of(bad).verdict == STILL_FAILS
    decision = Planner(failures.with_data).decide(bad)
    assert isinstance(decision, Left)
    assert decision.kind == "unreadable"
    assert list(failures.select(replace(SELECTION, where="bytes > `0`")))  # which needs the bytes of all


@pytest.mark.parametrize(("over", "is_read"), [(-1, True), (0, True), (1, False)])
def test_a_claim_is_read_up_to_the_size_of_a_record(here, monkeypatch, over, is_read):
    assert MAX_CLAIM_BYTES == 10_485_760
    monkeypatch.setattr(claims_module, "MAX_CLAIM_BYTES", 100)
    here.s3.put_object(Bucket=DEAD, Key="claims/x", Body=bytes(100 + over))
    if is_read:
        assert read_claim(here.documents, "s3://dead/claims/x") == bytes(100 + over)
        return
    with pytest.raises(InvalidClaim, match="has 101 bytes; a stream record has 100 at most"):
        read_claim(here.documents, "s3://dead/claims/x")


def test_a_claim_that_cannot_be_read_now_is_an_error_of_aws_and_not_of_the_line(here):
    class Denying:
        def get_object(self, **_: Any) -> None:
            raise aws_error("AccessDenied", 403)

    with pytest.raises(Exception, match="AccessDenied"):
        read_claim(replace(here.documents, s3=Denying()), "s3://dead/claims/x")


def test_a_failure_that_where_does_not_fit_is_left_out_and_counted(here, failures):
    here.archive("m", a_letter(0, data=b"poison"), a_letter(1, '{"tags":["x"]}'), a_letter(2, '{"tags":7}'))
    found = failures.select(replace(SELECTION, where="contains(event.payload.tags, 'x')"))
    assert [failed.line for failed, _ in found] == [1]
    assert failures.seen.unfit == 2
    assert f"--where cannot be applied to {KEY}#0" in failures.seen.why_unfit


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def test_an_event_of_900_levels_is_listed_shown_and_put_back(failures):
    failed = read_dead_letter(KEY, 0, a_letter(1, nested(900)).to_json().encode())
    assert outlook_of(failed).verdict == "ready"
    assert isinstance(Planner(failures.with_data).decide(failed), Planned)
    document_of(failed)
    assert "".join(pretty(nested(900))).count("{") == 900
    edit = edit_of(["/user_agent=x"])
    assert edit is not None
    with pytest.raises(InvalidEdit, match="too deeply"):
        edit.diff(failed)
    decision = Planner(failures.with_data, edit).decide(failed)
    assert isinstance(decision, Left)
    assert decision.kind == "edit failed"


def test_a_line_larger_than_any_of_ours_is_cut_and_the_next_is_read(here, failures, monkeypatch):
    monkeypatch.setattr(reading, "AHEAD_BYTES", 4000)
    monkeypatch.setattr(reading, "RANGE_BYTES", 1000)
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 2500)
    body = b"x" * 9_300 + b"\n" + a_letter(1).to_json().encode() + b"\n" + b"y" * 2600
    here.s3.put_object(Bucket=DEAD, Key=KEY, Body=body)
    cut, good, last = [failed for failed, _ in failures.select(SELECTION)]
    assert (cut.stage, len(cut.data or b"")) == ("unreadable", 2500)
    assert (good.stage, good.line) == ("table_writer", 1)
    assert (last.stage, len(last.data or b"")) == ("unreadable", 2500)


def test_events_of_a_line_that_claims_a_million_replays_stay_readable(here):
    here.archive("m", a_letter(1, replays=2**31 - 1))
    here.replay(force=True)
    (event,) = here.events()
    assert event.replay is not None
    assert event.replay.count == 1_000_000
    assert encode(replace(event, replay=None)) == encode(an_event('{"n":1}', 1))
