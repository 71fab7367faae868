"""From the stream to objects on S3, and what becomes of it where something fails."""

import json
import logging
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ReadTimeoutError

from infra.local.firehose.delivery_stream import Firehose
from infra.local.functions import FunctionError
from infra.openx.glue_types import UnsupportedSchema
from infra.status import HopStatus
from tests.clock import START, FakeClock
from tests.infra.local.firehose.delivery_under_test import (
    BUCKET,
    FUNCTION_ARN,
    ROLE_ARN,
    DeliveryUnderTest,
    Event,
    Outage,
    raw_data,
    unchanged,
)

ARRIVAL_MS = int(START * 1000)
DAY = "events/dt=2026-09-21/"


def counts(firehose: Firehose) -> tuple[int, int, int, int]:
    status = firehose.status()
    return status.received, status.delivered, status.waiting, status.failed


def marked_failed(event: Event) -> Any:
    return {"records": [each | {"result": "ProcessingFailed"} for each in unchanged(event)["records"]]}


def test_records_become_rows_of_one_parquet_object(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose(seconds=10)
    for number in range(20):
        delivery.put({"id": number, "text": "x", "at": "2026-09-21T12:00:00.5Z"}, key=str(number))
    delivery.run(firehose)
    (key,) = delivery.keys()
    assert key.startswith(f"{DAY}archive-1-2026-09-21-")
    assert key.endswith(".parquet")
    assert delivery.ids() == list(range(20))
    assert counts(firehose) == (20, 20, 0, 0)
    assert firehose.status() == HopStatus("firehose", "events", 20, 20, 0, 0)


def test_the_prefix_is_evaluated_at_the_oldest_record_of_the_object(
    delivery: DeliveryUnderTest, clock: FakeClock
) -> None:
    firehose = delivery.firehose(seconds=90, Prefix="at=!{timestamp:HH-mm-ss}/")
    delivery.put({"id": 1})
    started = clock.time()
    delivery.run(firehose, seconds=50)
    delivery.put({"id": 2})
    delivery.run(firehose, seconds=50)
    (key,) = delivery.keys()
    seconds = int(started) % 86_400
    assert key.startswith(f"at={seconds // 3600:02d}-{seconds // 60 % 60:02d}-{seconds % 60:02d}/")


def test_an_object_is_written_when_the_interval_has_passed(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose(seconds=60)
    delivery.put({"id": 1})
    delivery.run(firehose, seconds=59)
    assert delivery.keys() == []
    assert counts(firehose) == (1, 0, 1, 0)
    delivery.run(firehose, seconds=2)
    assert delivery.ids() == [1]


def test_an_object_is_written_when_the_size_is_reached(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose(seconds=900, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    for number in range(3):
        delivery.put({"id": number, "text": "x" * 600_000})
    delivery.run(firehose)
    assert len(delivery.keys("events/")) == 1
    assert counts(firehose)[1:3] == (2, 1)


def test_a_compression_asked_for_is_the_file_s(delivery: DeliveryUnderTest) -> None:
    description = delivery.describe()
    destination = description["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    conversion = destination["DataFormatConversionConfiguration"]
    conversion["OutputFormatConfiguration"] = {"Serializer": {"ParquetSerDe": {"Compression": "GZIP"}}}
    firehose = Firehose(
        description, delivery.function.invoke, delivery.kinesis, delivery.s3, delivery.glue, clock=delivery.clock
    )
    delivery.put({"id": 1})
    delivery.run(firehose)
    (key,) = delivery.keys()
    file = pq.ParquetFile(pa.BufferReader(delivery.body(key)))
    assert file.metadata.row_group(0).column(0).compression == "GZIP"


def test_what_the_transform_failed_becomes_an_error_object(delivery: DeliveryUnderTest, clock: FakeClock) -> None:
    delivery.function.answer = marked_failed
    firehose = delivery.firehose()
    delivery.put(b"poison")
    delivery.run(firehose)
    (key,) = delivery.keys()
    assert key.startswith("errors/processing-failed/archive-1-")
    assert not key.endswith(".parquet")
    (error,) = delivery.errors("processing-failed")
    assert list(error.items()) == [
        ("rawData", "cG9pc29u"),
        ("errorCode", "Lambda.ProcessingFailedStatus"),
        ("errorMessage", "ProcessingFailed status set for record"),
        ("attemptsMade", 1),
        ("arrivalTimestamp", ARRIVAL_MS),
        ("attemptEndingTimestamp", error["attemptEndingTimestamp"]),
        ("lambdaARN", FUNCTION_ARN),
    ]
    assert ARRIVAL_MS <= error["attemptEndingTimestamp"] <= clock.time() * 1000
    assert counts(firehose) == (1, 0, 0, 1)


def test_a_function_that_keeps_failing_gives_error_objects_after_its_retries(delivery: DeliveryUnderTest) -> None:
    delivery.function.failures = [FunctionError("Boom", "")] * 2
    firehose = delivery.firehose(transform={"NumberOfRetries": "1"})
    delivery.put({"id": 1})
    delivery.run(firehose)
    (error,) = delivery.errors("processing-failed")
    assert (error["errorCode"], error["attemptsMade"]) == ("Lambda.FunctionError", 2)


def test_a_row_that_does_not_fit_becomes_an_error_object_and_the_others_rows(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose(seconds=5)
    delivery.put({"id": 1}, {"id": "oops"}, {"id": 3})
    delivery.run(firehose)
    assert delivery.ids() == [1, 3]
    (error,) = delivery.errors("format-conversion-failed")
    assert raw_data(error) == b'{"id": "oops"}'
    assert list(error.items()) == [
        ("attemptsMade", 1),
        ("arrivalTimestamp", ARRIVAL_MS),
        ("lastErrorCode", "DataFormatConversion.MalformedData"),
        ("lastErrorMessage", 'Data does not match the schema. For input string: "oops"'),
        ("attemptEndingTimestamp", error["attemptEndingTimestamp"]),
        ("rawData", error["rawData"]),
        ("sequenceNumber", error["sequenceNumber"]),
        ("subSequenceNumber", 0),
        (
            "dataCatalogTable",
            {
                "catalogId": "123456789012",
                "databaseName": "spillway_test",
                "tableName": "events",
                "region": "eu-west-2",
                "versionId": "LATEST",
                "roleArn": ROLE_ARN,
            },
        ),
    ]
    assert counts(firehose) == (3, 2, 0, 1)


def test_without_its_table_every_record_fails_until_there_is_one(delivery: DeliveryUnderTest) -> None:
    delivery.drop_table()
    firehose = delivery.firehose()
    delivery.put({"id": 1})
    delivery.run(firehose)
    (error,) = delivery.errors("format-conversion-failed")
    assert error["lastErrorCode"] == "DataFormatConversion.EntityNotFoundException"
    delivery.create_table()
    delivery.put({"id": 2})
    delivery.run(firehose)
    assert delivery.ids() == [2]


def test_a_changed_table_is_followed(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose()
    delivery.drop_table()
    delivery.create_table({"id": "bigint", "fresh": "string"})
    delivery.put({"id": 1, "fresh": "x"})
    delivery.run(firehose)
    assert delivery.rows() == [{"id": 1, "fresh": "x"}]


def test_a_table_that_became_unsupported_fails_records_and_not_the_stream(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose()
    delivery.drop_table()
    delivery.create_table({"id": "binary"})
    delivery.put({"id": 1})
    delivery.run(firehose)
    (error,) = delivery.errors("format-conversion-failed")
    assert error["lastErrorCode"] == "DataFormatConversion.InvalidSchema"


def test_a_table_of_an_unsupported_type_is_refused_at_once(delivery: DeliveryUnderTest) -> None:
    delivery.drop_table()
    delivery.create_table({"id": "binary"})
    with pytest.raises(UnsupportedSchema, match="column id"):
        delivery.firehose()


@pytest.mark.parametrize("service", ["s3", "glue"])
def test_an_outage_delays_delivery_and_loses_nothing(
    delivery: DeliveryUnderTest, clock: FakeClock, service: str
) -> None:
    firehose = delivery.firehose()
    outage = Outage(getattr(delivery, service), {"s3": "PutObject", "glue": "GetTable"}[service])
    delivery.put({"id": 1})
    delivery.run(firehose, seconds=120)
    assert counts(firehose) == (1, 0, 1, 0)
    assert 4 <= outage.calls <= 30  # backed off
    outage.over()
    delivery.run(firehose, seconds=60)
    assert delivery.ids() == [1]
    assert counts(firehose) == (1, 1, 0, 0)


def test_an_error_object_that_cannot_be_written_holds_the_rest_up(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose(seconds=5)
    delivery.put({"id": "oops"}, {"id": 2})
    outage = Outage(delivery.s3, "PutObject", "SlowDown")
    delivery.run(firehose, seconds=60)
    assert delivery.keys() == []
    outage.over()
    delivery.run(firehose, seconds=60)
    assert len(delivery.errors("format-conversion-failed")) == 1
    assert delivery.ids() == [2]


def test_while_s3_is_down_the_stream_is_the_buffer(delivery: DeliveryUnderTest) -> None:
    firehose = delivery.firehose()
    outage = Outage(delivery.s3, "PutObject")
    delivery.put({"id": 0})
    delivery.run(firehose)
    for number in range(1, 50):
        delivery.put({"id": number})
    delivery.run(firehose, seconds=30)
    assert counts(firehose)[0] == 1
    outage.over()
    delivery.run(firehose, seconds=60)
    assert delivery.ids() == list(range(50))


def test_a_put_that_took_effect_without_an_answer_leaves_one_object(delivery: DeliveryUnderTest) -> None:
    lost: list[str] = []

    def lose_the_first_answer(**_details: Any) -> None:
        if not lost:
            lost.append("answer")
            raise ReadTimeoutError(endpoint_url="s3")

    delivery.s3.meta.events.register("after-call.s3.PutObject", lose_the_first_answer)
    firehose = delivery.firehose()
    delivery.put({"id": 1})
    delivery.run(firehose)
    assert lost == ["answer"]
    assert len(delivery.keys()) == 1
    assert delivery.ids() == [1]


def test_what_the_transform_drops_is_done_with(delivery: DeliveryUnderTest) -> None:
    delivery.function.answer = lambda event: {
        "records": [{"recordId": each["recordId"], "result": "Dropped"} for each in event["records"]]
    }
    firehose = delivery.firehose()
    delivery.put({"id": 1})
    delivery.run(firehose)
    assert delivery.keys() == []
    assert counts(firehose) == (1, 1, 0, 0)


def test_each_object_is_one_line_in_the_log_without_a_payload(
    delivery: DeliveryUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    firehose = delivery.firehose(seconds=5)
    delivery.put({"id": 1, "text": "secret"}, {"id": 2}, {"id": "oops"})
    with caplog.at_level(logging.INFO, "spillway.firehose"):
        delivery.run(firehose)
    messages = [record.getMessage() for record in caplog.records if record.name == "spillway.firehose"]
    assert len(messages) == 2
    (key,) = delivery.keys("events/")
    assert f"wrote 2 rows, {len(delivery.body(key))} bytes: s3://{BUCKET}/{key}" in messages
    assert "secret" not in json.dumps(messages)
