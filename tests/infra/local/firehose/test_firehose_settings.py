"""What is read from the answer of describe_delivery_stream, and what is refused."""

from typing import Any

import pytest

from infra.local.firehose.settings import MIB, UnsupportedDeliveryStream, read_settings
from tests.infra.local.firehose.delivery_under_test import FUNCTION_ARN, DeliveryUnderTest


def destination_of(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    return found


def test_settings_come_from_the_api(delivery: DeliveryUnderTest) -> None:
    parameters = {"NumberOfRetries": "5", "BufferSizeInMBs": "0.5", "BufferIntervalInSeconds": "7"}
    settings = read_settings(delivery.describe(seconds=30, transform=parameters))
    assert (settings.name, settings.stream, settings.bucket, settings.region) == (
        "archive",
        "events",
        "lake",
        "eu-west-2",
    )
    assert (settings.buffer_bytes, settings.buffer_seconds) == (64 * MIB, 30)
    assert settings.transform is not None
    assert settings.transform.function_arn == FUNCTION_ARN
    assert (settings.transform.retries, settings.transform.buffer_bytes, settings.transform.buffer_seconds) == (
        5,
        MIB // 2,
        7,
    )
    assert (settings.catalog_table.database, settings.catalog_table.table) == ("spillway_test", "events")
    assert settings.compression == "snappy"


def test_what_is_left_out_has_the_service_s_defaults(delivery: DeliveryUnderTest) -> None:
    answer = delivery.describe()
    destination = destination_of(answer)
    del destination["BufferingHints"]
    destination["ProcessingConfiguration"]["Processors"][0]["Parameters"] = [
        {"ParameterName": "LambdaArn", "ParameterValue": FUNCTION_ARN}
    ]
    settings = read_settings(answer)
    assert (settings.buffer_bytes, settings.buffer_seconds) == (128 * MIB, 300)
    assert settings.transform is not None
    assert (settings.transform.retries, settings.transform.buffer_bytes, settings.transform.buffer_seconds) == (
        3,
        MIB,
        60,
    )


def test_processing_counts_as_off_where_it_is_not_said_to_be_on(delivery: DeliveryUnderTest) -> None:
    answer = delivery.describe()
    del destination_of(answer)["ProcessingConfiguration"]["Enabled"]
    assert read_settings(answer).transform is None


def test_options_of_the_serde_are_taken_over(delivery: DeliveryUnderTest) -> None:
    answer = delivery.describe()
    destination_of(answer)["DataFormatConversionConfiguration"]["InputFormatConfiguration"] = {
        "Deserializer": {"OpenXJsonSerDe": {"CaseInsensitive": False, "ColumnToJsonKeyMappings": {"ts": "timestamp"}}}
    }
    rules = read_settings(answer).json_rules
    assert (rules.case_insensitive, rules.column_key("ts")) == (False, "timestamp")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "dynamic partitioning"),
        ({"DataFormatConversionConfiguration": {"Enabled": False}}, "record format conversion"),
        (
            {
                "DataFormatConversionConfiguration": {
                    "InputFormatConfiguration": {"Deserializer": {"HiveJsonSerDe": {}}}
                }
            },
            "Hive",
        ),
        (
            {"DataFormatConversionConfiguration": {"OutputFormatConfiguration": {"Serializer": {"OrcSerDe": {}}}}},
            "ORC",
        ),
    ],
)
def test_what_is_not_run_here_is_refused_by_name(
    delivery: DeliveryUnderTest, changed: dict[str, Any], message: str
) -> None:
    answer = delivery.describe()
    destination_of(answer).update(changed)
    with pytest.raises(UnsupportedDeliveryStream, match=message):
        read_settings(answer)


def test_a_delivery_stream_without_a_kinesis_source_is_refused(delivery: DeliveryUnderTest) -> None:
    answer = delivery.describe()
    del answer["DeliveryStreamDescription"]["Source"]
    with pytest.raises(UnsupportedDeliveryStream, match="Kinesis stream as its source"):
        read_settings(answer)
