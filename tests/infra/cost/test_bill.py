"""Every formula of the bill against one worked out by hand; a month has 730 hours, 2,628,000 seconds."""

from dataclasses import replace

import msgspec
import pytest

from infra.cost.bill import Assumptions, Bill, firehose_bytes, monthly_bill
from infra.cost.capacity import stream_dollars, table_dollars
from infra.cost.cpu import cpu_of
from infra.cost.flow import MEASURED, Flow, Work, flow
from infra.cost.queue_design import queue_bill
from infra.cost.savings import savings
from infra.settings import Settings, load

# 100 events a second of 755 bytes: 1,000 bytes on the stream with the envelope's 245, 887 in the table with its 132.
WORK = Work(100, 755, 1)
BATCHED = Work(100, 755, 100)  # one request a second
EVENTS = 262.8  # million events a month
PLAIN = Assumptions()


@pytest.fixture
def settings() -> Settings:
    return load("prod")


def flow_of(work: Work, settings: Settings, *, aggregated: bool = True) -> Flow:
    return flow(work, settings, cpu_of(work.payload_bytes, work.events_per_request), aggregated=aggregated)


def dollars(bill: Bill, service: str, what: str) -> float:
    [line] = [line for line in bill.lines if line.service == service and line.what.startswith(what)]
    return line.dollars


def test_api_gateway_is_paid_by_the_request(settings):
    assert monthly_bill(WORK, settings, PLAIN).of("API Gateway") == pytest.approx(262.8 * 3.50)  # 919.80
    assert monthly_bill(BATCHED, settings, PLAIN).of("API Gateway") == pytest.approx(2.628 * 3.50)


def test_a_function_is_paid_by_invocation_and_by_memory_and_time(settings):
    bill = monthly_bill(WORK, settings, PLAIN)
    assert dollars(bill, "Lambda", "million invocations, HTTP") == pytest.approx(262.8 * 0.20)
    # 0.80 ms at 300 bytes and 0.95 at 3,000: 0.80 + 455 / 2,700 x 0.15 = 0.82528 ms of a core; 512 MiB have 512 / 1769
    # of one, so 2.8514 ms, and 5 ms of waiting for Kinesis: 7.8514 ms. Half a GB for as long, 262.8 million times.
    by_hand = 262_800_000 * 0.0078514 * 0.5 * 0.0000133334
    assert dollars(bill, "Lambda", "GB-seconds, HTTP") == pytest.approx(by_hand, rel=1e-4)  # 13.76


def test_the_writer_takes_what_a_shard_gathers_in_its_window(settings):
    # Two shards, a window of one second: two invocations a second with 50 events each.
    bill = monthly_bill(WORK, settings, PLAIN)
    assert dollars(bill, "Lambda", "million invocations, table writer") == pytest.approx(2 * 2.628 * 0.20)
    # 0.080 + 455 / 2,700 x 0.04 = 0.086741 ms of a core an event, 0.29970 ms at 512 MiB, and 5 ms / 25 / 8 of waiting.
    by_hand = 262_800_000 * (0.00029970 + 0.000025) * 0.5 * 0.0000133334
    assert dollars(bill, "Lambda", "GB-seconds, table writer") == pytest.approx(by_hand, rel=1e-4)


def test_the_transform_is_called_for_a_full_buffer_or_a_late_one(settings):
    # 100,000 bytes a second fill a buffer of 1 MiB in 10.49 s, before its 60 s are over.
    calls = 100_000 / 1_048_576 * 2.628
    bill = monthly_bill(WORK, settings, PLAIN)
    assert dollars(bill, "Lambda", "million invocations, transform") == pytest.approx(calls * 0.20)
    slow = monthly_bill(Work(1, 755, 1), settings, PLAIN)  # two shards, a buffer a minute each
    assert dollars(slow, "Lambda", "million invocations, transform") == pytest.approx(2 / 60 * 2.628 * 0.20)


def test_a_provisioned_stream_is_paid_by_shard_hours_and_put_units(settings):
    # Two shards for 730 hours: 21.90. A record of 1,000 bytes is one unit: 262.8 million of them 3.6792.
    assert stream_dollars(flow_of(WORK, settings), settings)["provisioned"] == pytest.approx(21.90 + 3.6792)
    # A hundred in a record of 100,000 bytes: four units of 25 KiB a second, 10.512 million.
    batched = stream_dollars(flow_of(BATCHED, settings), settings)["provisioned"]
    assert batched == pytest.approx(21.90 + 10.512 * 0.014)


def test_an_on_demand_stream_is_paid_by_the_hour_and_by_bytes_in_and_out(settings):
    # 29.20 for the hours; in, a record of 1,000 bytes counts as 1,024; out, both readers read 1,000.
    gib_in, gib_out = 262.8e6 * 1_024 / 2**30, 2 * 262.8e6 * 1_000 / 2**30
    by_hand = 29.20 + gib_in * 0.08 + gib_out * 0.04
    assert stream_dollars(flow_of(WORK, settings), settings)["on-demand"] == pytest.approx(by_hand)  # 68.83


def test_advantage_bills_25_mib_a_second_at_the_least(settings):
    least = 25 / 1_024 * 2_628_000 * (0.032 + 0.016)  # 3,079.69
    assert stream_dollars(flow_of(WORK, settings), settings)["on-demand advantage"] == pytest.approx(least)
    # 40,000 records a second: in 40,000 x 1,024 bytes, out twice 40,000 x 1,000.
    large = stream_dollars(flow_of(Work(40_000, 755, 1), settings), settings)["on-demand advantage"]
    assert large == pytest.approx((40_000 * 1_024 * 0.032 + 80_000_000 * 0.016) / 2**30 * 2_628_000)


def test_the_cheapest_mode_of_the_stream_is_the_one_billed(settings):
    assert monthly_bill(WORK, settings, PLAIN).of("Kinesis") == pytest.approx(21.90 + 3.6792)
    idle = msgspec.structs.replace(settings, stream=msgspec.structs.replace(settings.stream, shards=20))
    assert monthly_bill(Work(0.01, 755, 1), idle, PLAIN).of("Kinesis") == pytest.approx(29.20, abs=0.01)
    forced = monthly_bill(WORK, settings, replace(PLAIN, mode="on-demand"))
    assert forced.of("Kinesis") == pytest.approx(68.83, abs=0.01)


def test_firehose_rounds_each_event_up_or_each_record_as_one_reads_it(settings):
    # By event: 100 x 5,120 bytes. By record: one of 100,000 bytes, rounded to 20 x 5,120 = 102,400.
    found = flow_of(BATCHED, settings)
    assert firehose_bytes(found, "event") == pytest.approx(512_000)
    assert firehose_bytes(found, "record") == pytest.approx(102_400)
    by_event, by_record = 512_000 * 2_628_000 / 2**30 * 0.047, 102_400 * 2_628_000 / 2**30 * 0.047
    assert monthly_bill(BATCHED, settings, PLAIN).of("Firehose") == pytest.approx(by_event)  # 58.90
    record = monthly_bill(BATCHED, settings, replace(PLAIN, rounding="record"))
    assert record.of("Firehose") == pytest.approx(by_record)  # 11.78


def test_the_table_is_paid_by_write_units_and_by_what_lies_in_it(settings):
    bill = monthly_bill(WORK, settings, PLAIN)
    assert dollars(bill, "DynamoDB", "million write units") == pytest.approx(262.8 * 0.625)  # 887 bytes: one unit
    gib = 100 * 86_400 * 30 * (887 + 100) / 2**30  # 238.26: 30 days, each row with 100 bytes of overhead
    assert dollars(bill, "DynamoDB", "GB of rows") == pytest.approx(gib * 0.25)
    assert dollars(bill, "DynamoDB", "GB recoverable") == pytest.approx(gib * 0.20)
    large = monthly_bill(Work(100, 2_000, 1), settings, PLAIN)  # 2,132 bytes: three units
    assert dollars(large, "DynamoDB", "million write units") == pytest.approx(3 * 262.8 * 0.625)


def test_a_time_to_live_bounds_what_lies_in_the_table(settings):
    week = msgspec.structs.replace(settings, table=msgspec.structs.replace(settings.table, ttl_days=7))
    whole, kept = (monthly_bill(WORK, each, PLAIN) for each in (settings, week))
    assert dollars(kept, "DynamoDB", "GB of rows") == pytest.approx(dollars(whole, "DynamoDB", "GB of rows") * 7 / 30)


def test_provisioned_capacity_is_paid_by_the_hour_of_what_is_seven_tenths_full():
    assert table_dollars(100) == {
        "on-demand": pytest.approx(262.8 * 0.625),
        "provisioned": pytest.approx(143 * 730 * 0.00065),  # 100 / 0.7, rounded up: 67.85
    }


def test_the_lake_is_paid_by_objects_by_bytes_and_by_what_compaction_scans(settings):
    bill = monthly_bill(WORK, settings, PLAIN)
    # 75,500 bytes a second do not fill 128 MiB in 300 s: an object each 300 s, and one compacted an hour.
    assert dollars(bill, "S3", "thousand objects") == pytest.approx((8_760 + 730) / 1_000 * 0.005)
    landed, compacted = 75_500 * 0.345 + 100 * 31, 75_500 * 0.18 + 100 * 19  # of payloads, and of 100 request ids
    gib = (landed + compacted) * 86_400 * 30 / 2**30
    assert dollars(bill, "S3", "GB of the lake") == pytest.approx(gib * 0.023)
    assert bill.of("Athena") == pytest.approx(landed * 2_628_000 / 2**40 * 5)
    idle = monthly_bill(Work(0.01, 755, 1), settings, PLAIN)
    assert idle.of("Athena") == pytest.approx(730 * 10 / 2**20 * 5)  # 10 MiB at least for each hour's query


def test_polls_of_the_queue_logs_metrics_traces_and_the_key(settings):
    bill = monthly_bill(WORK, settings, PLAIN)
    assert bill.of("SQS") == pytest.approx(5 / 20 * 2.628 * 0.40)
    invocations = (100 + 2 + 100_000 / 1_048_576) * 2_628_000
    assert dollars(bill, "CloudWatch", "GB of logs") == pytest.approx(invocations * 700 / 2**30 * 0.50)
    assert dollars(bill, "CloudWatch", "custom metrics") == pytest.approx(16 * 0.30)
    assert bill.of("X-Ray") == pytest.approx((1 + 0.05 * 99) * 2.628 * 5)  # one a second, and 5 % of the others
    assert bill.of("KMS") == pytest.approx(1)


def test_the_regions_factor_is_over_all_of_it(settings):
    dear = monthly_bill(WORK, settings, Assumptions(region_factor=1.2))
    assert dear.dollars == pytest.approx(1.2 * monthly_bill(WORK, settings, PLAIN).dollars)


def test_aggregation_saves_shards_units_and_invocations(settings):
    packed, apart = (flow_of(Work(10_000, 755, 100), settings, aggregated=each) for each in (True, False))
    # 10,000 records of a thousand a second, six tenths full: 17 shards. 10 MB of a MiB a second: 16.
    assert (apart.shards, packed.shards) == (17, 16)
    assert apart.put_units == pytest.approx(10_000)
    assert packed.put_units == pytest.approx(400)


@pytest.mark.parametrize(("size", "count"), MEASURED)
def test_cpu_is_what_was_measured_where_it_was(size, count):
    found, measured = cpu_of(size, count), MEASURED[size, count]
    assert found.http == pytest.approx(measured.http)
    assert found.writer == pytest.approx(measured.writer)
    assert found.transform == pytest.approx(measured.transform)


def test_a_batch_costs_less_cpu_an_event_the_larger_it_is():
    costs = [cpu_of(1_000, count).http for count in (1, 2, 10, 100, 500, 5_000)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] > 0


def test_the_queue_based_design_one_by_one(settings):
    bill = queue_bill(WORK, settings, PLAIN)
    assert bill.of("API Gateway") == pytest.approx(919.80)
    # Each event is a call; ten of 1,000 bytes are received and deleted by one call each.
    assert bill.of("SQS") == pytest.approx((262.8 + 26.28 + 26.28) * 0.40)  # 126.14
    assert dollars(bill, "DynamoDB", "write units") == pytest.approx(164.25)
    assert dollars(bill, "Lambda", "million invocations, table writer") == pytest.approx(
        26.28e6 * (0.20e-6 + (10 * 0.00029970 + 0.005) * 0.5 * 0.0000133334), rel=1e-4
    )


def test_the_queue_based_design_pays_for_each_64_kb_of_a_batch(settings):
    # Ten messages of 10,000 bytes are 100,000: two chunks to send and two to receive, one call to delete.
    bill = queue_bill(Work(100, 9_755, 100), settings, PLAIN)
    assert bill.of("SQS") == pytest.approx((2 + 2 + 1) * 26.28 * 0.40)
    # 15 events in a request: ten in a call of two chunks, five (50,000 bytes) in a call of one.
    odd = queue_bill(Work(150, 9_755, 15), settings, PLAIN)
    assert odd.of("SQS") == pytest.approx((10 * 3 + 15 * 2 + 15) * 2.628 * 0.40)


def test_savings_are_differences_of_whole_bills_the_best_first(settings):
    found = savings(WORK, settings, PLAIN)
    assert found[0].setting == "--batch-size"
    assert found == sorted(found, key=lambda saving: -saving.dollars)
    assert len(found) == 3
    bills = (monthly_bill(Work(100, 755, count), settings, PLAIN).dollars for count in (1, 500))
    assert found[0].dollars == pytest.approx(next(bills) - next(bills))


def test_a_setting_that_is_as_it_should_be_saves_nothing(settings):
    packed = savings(Work(100, 755, 500), settings, PLAIN, most=99)
    assert "--batch-size" not in [saving.setting for saving in packed]
    assert "stream.retention_hours" not in [saving.setting for saving in packed]
    assert all(saving.dollars > 0 for saving in packed)
