"""One view of what failed, out of three stores' formats."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given

from archive.dead_letters.failures import read_conversion_failed, read_dead_letter, read_processing_failed
from archive.lake.columns import ENVELOPE
from archive.lake.rows import row_of
from producers.event import decode, encode
from producers.replay_mark import ReplayMark
from tests.archive.dead_letters.error_objects import conversion_failed, processing_failed
from tests.consumers.letters import a_letter
from tests.events import an_event
from tests.json_values import JSON_VALUES

KEY = "dead-letters/dt=2026-11-23/hour=02/message.json"


def test_a_dead_letter_is_read_with_its_place_its_reason_and_its_bytes():
    failed = read_dead_letter(KEY, 3, a_letter(b"bytes").to_json().encode())
    assert failed.name == f"{KEY}#3"
    assert (failed.stage, failed.error.type, failed.data, failed.bound) == (
        "table_writer",
        "PoisonEvent",
        b"bytes",
        "table",
    )
    assert failed.failed_at == datetime(2026, 11, 23, 2, 35, tzinfo=UTC)
    assert failed.source is not None
    assert failed.source.sequence_number == "4957"


def test_a_lost_record_is_reported_as_lost():
    assert read_dead_letter(KEY, 0, a_letter(None).to_json().encode()).is_lost


def test_what_others_put_in_the_queue_is_bound_for_both():
    line = a_letter(b"x").to_json().replace("table_writer", "unknown").encode()
    assert read_dead_letter(KEY, 0, line).bound is None


def test_firehoses_errors_from_before_the_transform_are_bound_for_the_lake():
    event = an_event(replay=ReplayMark("lake", 2, "id/1"))
    failed = read_processing_failed(KEY, 0, processing_failed(encode(event)))
    assert (failed.data, failed.bound, failed.replays) == (encode(event), "lake", 2)
    assert failed.stage == "processing-failed"
    assert failed.arrived_at == "2026-11-23T02:34:56.987Z"
    assert read_processing_failed(KEY, 0, processing_failed(b"poison")).data == b"poison"


@given(JSON_VALUES)
def test_an_event_is_rebuilt_from_the_row_that_could_not_be_converted(payload):
    event = an_event(json.dumps(payload), 123456, trace="Root=1-x")
    failed = read_conversion_failed(KEY, 0, conversion_failed(row_of(event, ENVELOPE).encode()))
    assert failed.data is not None
    rebuilt = decode(failed.data)
    assert (rebuilt.timestamp, rebuilt.request_id, rebuilt.payload) == (
        event.timestamp,
        event.request_id,
        event.payload,
    )
    assert (rebuilt.source_ip, rebuilt.user_agent, rebuilt.trace) == (event.source_ip, event.user_agent, None)
    assert (failed.bound, failed.stage) == ("lake", "format-conversion-failed")


def test_a_conversion_error_is_read_by_the_recorded_names_and_by_the_documented_ones():
    line = conversion_failed(b"{}")
    documented = line.replace(b'"lastErrorCode"', b'"ErrorCode"').replace(b'"lastErrorMessage"', b'"ErrorMessage"')
    assert documented != line
    assert read_conversion_failed(KEY, 0, documented) == read_conversion_failed(KEY, 0, line)


@pytest.mark.parametrize("row", [b"", b"{}", b"[1]", b'{"timestamp_micros":1,"request_id":"x","payload":"{"}', b"\xff"])
def test_what_is_no_row_of_ours_stays_as_it_is(row):
    assert read_conversion_failed(KEY, 0, conversion_failed(row)).data == row


@pytest.mark.parametrize("read", [read_dead_letter, read_processing_failed, read_conversion_failed])
@pytest.mark.parametrize("line", [b"", b"x", b"{}", b'{"rawData":"%%%"}', b"\xff", b"[]"])
def test_a_line_of_another_format_is_shown_and_not_passed_over(read, line):
    failed = read(KEY, 7, line)
    assert (failed.stage, failed.data, failed.line) == ("unreadable", line, 7)
    assert failed.failed_at == datetime(2026, 11, 23, 2, tzinfo=UTC)
