"""Firehose as a worker of the pipeline: threads, draining, and what stays when something unforeseen happens."""

from typing import Any

from infra.local.firehose.delivery_stream import Firehose
from infra.local.functions import InvocationResult
from producers.aggregation import pack
from producers.clock import SYSTEM_CLOCK
from tests.infra.local.firehose.delivery_under_test import DeliveryUnderTest, Event, Outage
from tests.waiting import wait_until


def test_draining_passes_on_at_once_what_would_wait_for_its_buffers(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose(seconds=900, transform={"BufferIntervalInSeconds": "900"})
    for number in range(10):
        delivery.put({"id": number}, key=str(number))
    delivery.run(firehose, seconds=5)
    assert delivery.keys() == []
    assert not firehose.is_drained()
    firehose.drain()
    delivery.run(firehose, seconds=5)
    assert firehose.is_drained()
    assert delivery.ids() == list(range(10))
    assert len(delivery.keys()) == 1


def test_it_is_not_drained_before_what_was_put_before_is_read(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose(seconds=900)
    delivery.run(firehose, seconds=5)
    delivery.put({"id": 1})
    firehose.drain()
    assert not firehose.is_drained()
    firehose.step()
    assert not firehose.is_drained()
    delivery.run(firehose, seconds=5)
    assert firehose.is_drained()
    assert delivery.ids() == [1]


def test_it_is_not_drained_while_s3_is_down(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose()
    outage = Outage(delivery.s3, "PutObject")
    delivery.put({"id": 1})
    firehose.drain()
    delivery.run(firehose, seconds=60)
    assert not firehose.is_drained()
    outage.over()
    delivery.run(firehose, seconds=60)
    assert firehose.is_drained()


def test_events_are_counted_not_the_aggregates_that_carry_them(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose()
    (aggregate,) = pack([("k", b'{"id":%d}' % number) for number in range(30)], 100_000, by_key=True)
    delivery.put(aggregate.data, key="k")
    delivery.run(firehose)
    assert delivery.ids() == list(range(30))
    assert firehose.status().received == firehose.status().delivered == 30


def test_on_its_thread_it_delivers_drains_and_stops(delivery: DeliveryUnderTest) -> None:
    firehose = Firehose(
        delivery.describe(),
        delivery.function.invoke,
        delivery.kinesis,
        delivery.s3,
        delivery.glue,
        clock=SYSTEM_CLOCK,
        read_seconds=0.02,
    )
    firehose.start()
    try:
        delivery.put({"id": 1})
        wait_until(lambda: firehose.status().delivered == 1)
        delivery.put({"id": 2})
        firehose.drain()
        wait_until(firehose.is_drained)
    finally:
        firehose.stop()
        firehose.stop()
    assert delivery.ids() == [1, 2]


def test_something_unforeseen_ends_neither_the_thread_nor_a_record(delivery: DeliveryUnderTest) -> None:
    calls: list[Event] = []

    def invoke(event: Event) -> Any:
        calls.append(event)
        return None if len(calls) == 1 else InvocationResult({"records": unchanged_records(event)}, None)

    def explode_once(**_details: Any) -> None:
        delivery.s3.meta.events.unregister("before-call.s3.PutObject", explode_once)
        raise RuntimeError("for the test")

    delivery.s3.meta.events.register("before-call.s3.PutObject", explode_once)
    firehose = Firehose(delivery.describe(), invoke, delivery.kinesis, delivery.s3, delivery.glue, read_seconds=0.02)
    firehose.start()
    try:
        delivery.put({"id": 1})
        wait_until(lambda: firehose.status().delivered == 1)
    finally:
        firehose.stop()
    assert delivery.ids() == [1]


def unchanged_records(event: Event) -> list[dict[str, Any]]:
    return [{"recordId": each["recordId"], "result": "Ok", "data": each["data"]} for each in event["records"]]
