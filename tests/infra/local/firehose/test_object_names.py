"""Keys of the objects that Firehose writes, as its developer guide words them."""

import re
from datetime import UTC, datetime

import pytest

from infra.local.firehose.object_names import ObjectNames, UnsupportedName

OLDEST_MS = int(datetime(2026, 8, 7, 21, 5, 9, 123000, tzinfo=UTC).timestamp() * 1000)
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ERRORS = "errors/!{firehose:error-output-type}/"


def names(prefix: str = "", error_prefix: str = ERRORS, **options: str) -> ObjectNames:
    return ObjectNames("spillway-local-archive", "1", prefix=prefix, error_prefix=error_prefix, **options)


def prefix_of(key: str) -> str:
    return key.partition("spillway-local-archive")[0]


def test_a_key_is_prefix_stream_version_date_uuid_and_extension() -> None:
    key = names("lake/!{timestamp:yyyy}/").data_key(OLDEST_MS)
    assert re.fullmatch(rf"lake/2026/spillway-local-archive-1-2026-08-07-21-05-09-{UUID}\.parquet", key)


def test_hive_partitions_come_from_the_oldest_arrival_in_utc() -> None:
    landing = names("events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/")
    assert prefix_of(landing.data_key(OLDEST_MS)) == "events/dt=2026-08-07/hour=21/"


def test_without_a_timestamp_expression_the_hour_is_appended_with_no_slash() -> None:
    assert prefix_of(names("lake").data_key(OLDEST_MS)) == "lake2026/08/07/21/"
    assert prefix_of(names().data_key(OLDEST_MS)) == "2026/08/07/21/"
    assert re.fullmatch(
        r"[0-9A-Za-z]{11}/2026/08/07/21/", prefix_of(names("!{firehose:random-string}/").data_key(OLDEST_MS))
    )


@pytest.mark.parametrize(
    ("pattern", "evaluated"),
    [("yyyy/MM/dd/HH/", "2026/08/07/21/"), ("yyyy-MM-dd", "2026-08-07"), ("HH", "21"), ("HH:mm:ss", "21:05:09")],
)
def test_a_timestamp_pattern_is_evaluated_field_by_field(pattern: str, evaluated: str) -> None:
    assert prefix_of(names(f"!{{timestamp:{pattern}}}").data_key(OLDEST_MS)) == evaluated


def test_each_random_string_is_its_own() -> None:
    twice = names("!{firehose:random-string}-!{firehose:random-string}!{timestamp:yyyy}")
    first, second = prefix_of(twice.data_key(OLDEST_MS))[:23].split("-")
    assert first != second
    assert len(first) == len(second) == 11


def test_error_keys_name_what_failed_and_have_no_extension() -> None:
    key = names(error_prefix="errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM}/").error_key(
        "processing-failed", OLDEST_MS
    )
    assert re.fullmatch(rf"errors/processing-failed/2026/08/spillway-local-archive-1-2026-08-07-21-05-09-{UUID}", key)


def test_nothing_is_appended_to_an_error_prefix() -> None:
    assert prefix_of(names().error_key("processing-failed", OLDEST_MS)) == "errors/processing-failed/"


def test_without_an_error_prefix_errors_lie_under_their_type() -> None:
    key = names(error_prefix="").error_key("format-conversion-failed", OLDEST_MS)
    assert prefix_of(key) == "format-conversion-failed/2026/08/07/21/"


def test_a_file_extension_replaces_parquet() -> None:
    assert names("", extension=".pq").data_key(OLDEST_MS).endswith(".pq")


def test_a_custom_time_zone_dates_prefix_and_name() -> None:
    key = names("!{timestamp:yyyy-MM-dd-HH}/", time_zone="Asia/Tokyo").data_key(OLDEST_MS)
    assert key.startswith("2026-08-08-06/spillway-local-archive-1-2026-08-08-06-05-09-")


@pytest.mark.parametrize(
    ("prefix", "options"),
    [
        ("!{partitionKeyFromQuery:customer}/", {}),
        ("!{firehose:error-output-type}/", {}),
        ("!{timestamp:yyyy'}/", {}),
        ("!{timestamp:YYYY}/", {}),
        ("!{timestamp:yy}/", {}),
        ("!{timestamp:'year'}/", {}),
        ("!{timestamp:}/", {}),
        ("!{timestamp}/", {}),
        ("x" * 510, {}),
        ("", {"extension": "parquet"}),
        ("", {"time_zone": "Middle-earth/Shire"}),
        ("", {"error_prefix": "errors/"}),
        ("!{timestamp:yyyy}/", {"error_prefix": ""}),
    ],
)
def test_what_cannot_be_evaluated_is_refused_when_the_stream_is_read(prefix: str, options: dict[str, str]) -> None:
    with pytest.raises(UnsupportedName):
        names(prefix, **options)
