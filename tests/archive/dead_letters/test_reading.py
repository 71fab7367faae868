"""Listing and reading what failed: in order, several at once, in bounded memory."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from archive.dead_letters import reading as failure_reading
from archive.dead_letters.documents import Documents
from archive.dead_letters.reading import READERS, FailureReader
from archive.dead_letters.selected import NoSuchFailure, SelectedFailures
from archive.dead_letters.selection import Selection
from archive.dead_letters.settled_lines import SettledLines, settled_key
from archive.dead_letters.stores import StoredObject, objects, stores
from tests.archive.dead_letters.error_objects import ENDED_MS, processing_failed
from tests.archive.replay.replay_under_test import DEAD, FAILED_AT, LAKE, ReplayUnderTest, a_letter

STORES = stores(DEAD, LAKE, timedelta(hours=24))
HOUR = timedelta(hours=1)


@pytest.fixture
def here(aws):
    return ReplayUnderTest()


@pytest.fixture
def failures(here):
    with ThreadPoolExecutor(READERS) as executor:
        yield SelectedFailures(here.s3, executor, STORES, here.documents)


def put(here: ReplayUnderTest, bucket: str, key: str, body: bytes = b"x\n") -> None:
    here.s3.put_object(Bucket=bucket, Key=key, Body=body)


def test_only_the_hours_in_question_are_listed(here):
    for day, hour in [(22, 23), (23, 0), (23, 1), (23, 2), (23, 3), (23, 4), (23, 9)]:
        put(here, DEAD, f"dead-letters/dt=2026-11-{day}/hour={hour:02}/x.json")
    start = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
    found = [each.key.split("hour=")[1][:2] for each in objects(here.s3, STORES[0], start, start + HOUR)]
    assert found == ["01", "02", "03", "04"]


def test_firehose_may_have_fallen_behind_and_its_objects_lie_hours_before(here, failures):
    key = "firehose-errors/processing-failed/dt=2026-11-22/hour=20/x"
    put(here, LAKE, key, processing_failed(b"late", ENDED_MS) + b"\n")
    at = datetime.fromtimestamp(ENDED_MS / 1000, UTC)
    found = list(failures.select(Selection(at - HOUR, at + HOUR)))
    assert [failed.data for failed, _ in found] == [b"late"]


def test_failures_of_every_store_come_in_the_order_of_their_objects(here, failures):
    for number in range(40):
        here.archive(f"{number:03}", a_letter(2 * number), a_letter(2 * number + 1))
    put(here, LAKE, "firehose-errors/processing-failed/dt=2026-11-23/hour=02/x", processing_failed(b"p", ENDED_MS))
    found = [failed.name for failed, _ in failures.select(Selection(FAILED_AT - HOUR, FAILED_AT + HOUR))]
    assert found == sorted(found)
    assert len(found) == 81
    assert failures.seen.records == 81


def test_stores_without_a_selected_stage_are_not_listed(here, failures):
    here.archive("m", a_letter(1))
    put(here, LAKE, "firehose-errors/processing-failed/dt=2026-11-23/hour=02/x", processing_failed(b"p", ENDED_MS))
    span = FAILED_AT - HOUR, FAILED_AT + HOUR
    assert [store.store.name for store in failures.objects(Selection(*span, ("processing-failed",)))] == [
        "processing-failed"
    ]
    assert [store.store.name for store in failures.objects(Selection(*span, ("table_writer",)))] == ["dead-letters"]


def test_an_object_of_which_all_is_settled_is_not_read(here, failures):
    key = here.archive("m", a_letter(1), a_letter(2))
    settled = SettledLines(total=2)
    settled.add("r", "put back", "2026", [0, 1])
    put(here, DEAD, settled_key(key), settled.to_json())
    span = Selection(FAILED_AT - HOUR, FAILED_AT + HOUR)
    assert list(failures.select(span)) == []
    assert len(list(failures.select(span, read_settled=True))) == 2


def test_a_failure_is_found_by_its_name(here, failures):
    key = here.archive("m", a_letter(1), a_letter(2))
    single = here.archive("n", a_letter(3))
    assert failures.find(f"{key}#1")[0].source.sequence_number == "1002"
    assert failures.find(single)[0].source.sequence_number == "1003"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x", "is not the name of a failure"),
        ("dead-letters/dt=2026-11-23/hour=02/x.json", "no object"),
        ("dead-letters/dt=2026-11-23/hour=02/m.json", "holds 2 failures; name one"),
        ("dead-letters/dt=2026-11-23/hour=02/m.json#2", "no line 2"),
        ("dead-letters/dt=2026-11-23/hour=02/m.json#x", "no line x"),
    ],
)
def test_an_unknown_name_is_reported(here, failures, name, words):
    here.archive("m", a_letter(1), a_letter(2))
    with pytest.raises(NoSuchFailure, match=words):
        failures.find(name)


def test_an_object_too_large_to_be_held_is_read_in_ranges(here, monkeypatch):
    monkeypatch.setattr(failure_reading, "AHEAD_BYTES", 4_000)
    monkeypatch.setattr(failure_reading, "RANGE_BYTES", 700)
    key = here.archive("m", *(a_letter(number) for number in range(50)))
    body = here.s3.get_object(Bucket=DEAD, Key=key)["Body"].read()
    put(here, DEAD, key, body.rstrip(b"\n"))  # the last line may lack its end
    stored = StoredObject(STORES[0], key, len(body) - 1, FAILED_AT)
    with ThreadPoolExecutor(1) as executor:
        found = list(FailureReader(here.s3, executor, here.documents).read([stored]))
    assert [failed.data for failed, _ in found] == [a_letter(number).data for number in range(50)]


class SlowS3:
    """An S3 that answers no read before so many are under way at once."""

    def __init__(self, body: bytes, together: int) -> None:
        self.body = body
        self.most = 0
        self.under_way = 0
        self._gate = threading.Barrier(together)
        self._lock = threading.Lock()

    def get_object(self, **_: Any) -> Any:
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self._gate.wait(timeout=30)
        with self._lock:
            self.under_way -= 1
        return {"Body": self}

    def read(self) -> bytes:
        return self.body


def test_as_many_objects_are_read_at_once_as_there_are_readers():
    body = f"{a_letter(1).to_json()}\n".encode()
    s3: Any = SlowS3(body, READERS)
    stored = [StoredObject(STORES[0], f"{n:05}", len(body), FAILED_AT) for n in range(4 * READERS)]
    with ThreadPoolExecutor(READERS) as executor:
        reader = FailureReader(s3, executor, Documents(s3, DEAD), frozenset())
        assert sum(1 for _ in reader.read(iter(stored))) == 4 * READERS
    assert s3.most == READERS


def test_no_more_is_read_ahead_than_memory_allows(monkeypatch):
    monkeypatch.setattr(failure_reading, "AHEAD_BYTES", 10_000)
    body = f"{a_letter(1).to_json()}\n".encode()
    s3: Any = SlowS3(body, 1)
    asked: list[int] = []

    def stored():
        for number in range(200):
            asked.append(number)
            yield StoredObject(STORES[0], f"{number:05}", 2_000, FAILED_AT)

    with ThreadPoolExecutor(READERS) as executor:
        reader = FailureReader(s3, executor, Documents(s3, DEAD), frozenset())
        for number, _ in enumerate(reader.read(stored())):
            assert len(asked) <= number + 10_000 // 2_000 + 2
