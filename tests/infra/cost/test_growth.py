"""The table of docs/performance.md is what the arithmetic gives, and the arithmetic agrees with the code it is of."""

from pathlib import Path

import msgspec
import pytest

from archive.lake.columns import columns
from archive.lake.rows import row_of as lake_row
from consumers.row import row_of
from infra.cost.door import billed_requests, door_dollars
from infra.cost.flow import ENVELOPE_BYTES, MEASURED, ROW_BYTES, SHARD_FILL, Work
from infra.cost.growth import growth, table
from infra.prices import FIREHOSE_ROUNDING_BYTES
from infra.settings import Settings, load
from producers.event import encode
from tests.benchmarks.events import payloads, stream_events

DOCUMENT = Path(__file__).parents[3] / "docs" / "performance.md"


@pytest.fixture
def settings():
    return load("prod")


def test_the_document_holds_the_table_as_it_is_reckoned(settings):
    assert "\n".join(table(settings)) in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [300, 3_000])
def test_an_event_grows_by_what_is_reckoned_with(size):
    for per_request in (1, 500):
        for event in stream_events(payloads(500, size), per_request=per_request):
            assert len(encode(event)) - size == pytest.approx(ENVELOPE_BYTES, abs=3)
            assert row_of(event).size - size == pytest.approx(ROW_BYTES, abs=20)
            assert len(lake_row(event, columns())) <= FIREHOSE_ROUNDING_BYTES


def test_what_scales_costs_the_same_for_each_event(settings):
    thousand, million = (growth(Work(rate, 300, 500), settings) for rate in (10_000, 1_000_000))
    for service in ("API Gateway", "Firehose", "DynamoDB"):
        assert million.dollars[service] == pytest.approx(thousand.dollars[service])
    assert sum(million.dollars.values()) <= sum(thousand.dollars.values())
    assert million.shards == pytest.approx(thousand.shards * 100, rel=0.1)


def test_shards_follow_records_where_events_come_one_by_one_and_bytes_where_they_come_together(settings):
    single, batched = (growth(Work(100_000, 300, count), settings) for count in (1, 500))
    assert single.shards == pytest.approx(100 / SHARD_FILL, abs=1)
    assert batched.shards == pytest.approx(100_000 * (300 + ENVELOPE_BYTES) / 2**20 / SHARD_FILL, abs=1)


def test_a_small_load_takes_no_fewer_shards_than_are_set(settings):
    assert growth(Work(10, 300, 1), settings).shards == settings.stream.shards


def test_prices_by_hand(settings):
    found = growth(Work(1_000, 3_000, 1), settings)
    assert found.dollars["API Gateway"] == pytest.approx(3.50)
    assert found.dollars["DynamoDB"] == pytest.approx(4 * 0.625)  # 3,132 bytes are 4 units
    assert found.dollars["Firehose"] == pytest.approx(1_000_000 * 5 * 1024 / 2**30 * 0.047)
    assert found.write_units_per_second == 4_000


@pytest.mark.parametrize("rate", [1_000, 100_000])
def test_single_events_cost_at_most_2_50_dollars_a_million_behind_an_http_api(settings, rate):
    http = changed(settings, door="http")
    assert sum(growth(Work(rate, 300, 1), http).dollars.values()) <= 2.50
    assert sum(growth(Work(rate, 300, 1), settings).dollars.values()) > 4.50


def test_doors_by_hand():
    single = door_dollars(Work(1_000, 300, 1))
    assert single["REST API"] == pytest.approx(1_000 * 3.50 / 1e6)
    assert single["HTTP API"] == pytest.approx(1_000 * 1.00 / 1e6)
    assert single["function URL"] == 0
    assert single["load balancer"] == pytest.approx((0.0225 + 40 * 0.008) / 3_600)  # 40 units: 1,000 / 25 connections
    large = door_dollars(Work(1_000, 1_000_000, 1))  # a gigabyte a second: 3,353 GiB an hour, 0.4 to a unit
    assert large["load balancer"] == pytest.approx((0.0225 + 3_600e9 / 2**30 / 0.4 * 0.008) / 3_600)


@pytest.mark.parametrize(("size", "requests"), [(1, 1), (524_288, 1), (524_289, 2), (1_048_576, 2), (1_048_577, 3)])
def test_an_http_api_bills_a_request_for_each_begun_512_kb_of_its_body(size, requests):
    assert billed_requests(Work(1, size, 1), "HTTP API") == requests
    assert billed_requests(Work(1, size, 1), "REST API") == 1


def changed(settings, **http):
    document = msgspec.to_builtins(settings)
    document["http"] |= http
    return msgspec.convert(document, Settings)


def test_a_quota_that_is_passed_is_named(settings):
    assert growth(Work(1_000_000, 300, 1), settings).ceiling == "API Gateway requests"
    assert growth(Work(1_000_000, 300, 500), settings).ceiling == "DynamoDB write units"


def test_what_was_not_measured_is_not_reckoned(settings):
    assert (1_000, 1) not in MEASURED
    with pytest.raises(KeyError):
        growth(Work(10, 1_000, 1), settings)
