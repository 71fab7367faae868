"""What the AWS APIs return for an environment, in a form that compares two ways of making it."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import boto3

from archive.lake.tables import tables
from infra.functions import DEAD_LETTER_ARCHIVER, FIREHOSE_TRANSFORM, HTTP_API, TABLE_WRITER, Function
from infra.local.event_sources.mapping_settings import QueueMappingSettings, StreamMappingSettings
from infra.local.firehose.settings import read_settings
from infra.names import Names

MODULES = (HTTP_API, TABLE_WRITER, FIREHOSE_TRANSFORM, DEAD_LETTER_ARCHIVER)


def answers(names: Names) -> dict[str, Any]:
    """Everything that Terraform and boto3 both make, without ids and roles, which are each one's own."""
    return {
        "stream": _stream(names),
        "tables": {name: _table(name) for name in (names.table, names.idempotency_table)},
        "queues": {name: _queue(name) for name in (names.dead_letter_queue, names.parked_queue)},
        "buckets": sorted(bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]),
        "functions": {module: _function(names.function(module)) for module in MODULES},
        "mappings": _mappings(),
        "delivery stream": _delivery_stream(names),
        "catalogue": {table.name: _glue_table(names, table.name) for table in tables()},
    }


def scheduled(names: Names, modules: Iterable[str]) -> dict[str, Any]:
    """The functions that a schedule calls, and when; boto3 makes none of them."""
    events = boto3.client("events")
    return {
        module: _function(names.function(module))
        | {"Schedule": events.describe_rule(Name=names.function(module))["ScheduleExpression"]}
        for module in modules
    }


def as_scheduled(function: Function, schedule: str) -> dict[str, Any]:
    """A function of `infra.functions`, in the form that `scheduled` returns."""
    return {
        "Handler": f"{function.module}.handler",
        "Runtime": "python3.13",
        "Architectures": ["arm64"],
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_mib,
        "Environment": function.environment,
        "Schedule": schedule,
    }


def _stream(names: Names) -> dict[str, Any]:
    summary = boto3.client("kinesis").describe_stream_summary(StreamName=names.stream)["StreamDescriptionSummary"]
    return {name: summary[name] for name in ("StreamName", "StreamARN", "RetentionPeriodHours", "OpenShardCount")}


def _table(name: str) -> dict[str, Any]:
    dynamodb = boto3.client("dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return {
        "keys": table["KeySchema"],
        "attributes": sorted(each["AttributeName"] + each["AttributeType"] for each in table["AttributeDefinitions"]),
        "billing": table["BillingModeSummary"]["BillingMode"],
        "ttl": ttl.get("AttributeName") if ttl["TimeToLiveStatus"] == "ENABLED" else None,
    }


def _queue(name: str) -> dict[str, Any]:
    sqs: Any = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    names = ("MessageRetentionPeriod", "VisibilityTimeout", "MaximumMessageSize")
    return {each: attributes[each] for each in names} | {"redrive": json.loads(attributes.get("RedrivePolicy", "null"))}


def _function(name: str) -> dict[str, Any]:
    found = boto3.client("lambda").get_function_configuration(FunctionName=name)
    variables = dict(found.get("Environment", {}).get("Variables", {}))
    if url := variables.get("DEAD_LETTER_QUEUE_URL"):
        variables["DEAD_LETTER_QUEUE_URL"] = url.rpartition("/")[2]  # the endpoint's address is its own
    return {
        **{each: found[each] for each in ("Handler", "Runtime", "Architectures", "Timeout", "MemorySize")},
        "Environment": variables,
    }


def _mappings() -> list[Any]:
    settings: list[Any] = []
    for mapping in boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
        kind = StreamMappingSettings if ":kinesis:" in mapping["EventSourceArn"] else QueueMappingSettings
        found = kind.from_api(mapping)
        settings.append(replace(found, uuid="", function_arn=_without_alias(found.function_arn)))
    return sorted(settings, key=lambda found: found.function_arn)


def _delivery_stream(names: Names) -> Any:
    answer = boto3.client("firehose").describe_delivery_stream(DeliveryStreamName=names.delivery_stream)
    [destination] = answer["DeliveryStreamDescription"]["Destinations"]
    found = read_settings(answer)
    assert found.transform is not None
    settings = asdict(found)
    del settings["names"]
    return settings | {
        "transform": asdict(found.transform) | {"function_arn": _without_alias(found.transform.function_arn)},
        "catalog_table": asdict(found.catalog_table) | {"role_arn": None},
        "prefixes": [destination["ExtendedS3DestinationDescription"][each] for each in ("Prefix", "ErrorOutputPrefix")],
    }


def _glue_table(names: Names, name: str) -> dict[str, Any]:
    table = boto3.client("glue").get_table(DatabaseName=names.database, Name=name)["Table"]
    storage = table["StorageDescriptor"]
    return {
        "parameters": table["Parameters"],
        "partitions": _columns(table["PartitionKeys"]),
        "columns": _columns(storage["Columns"]),
        "location": storage["Location"],
        "formats": (storage["InputFormat"], storage["OutputFormat"], storage["SerdeInfo"]["SerializationLibrary"]),
    }


def _columns(found: Any) -> list[tuple[str, str, str]]:
    return [(column["Name"], column["Type"], column["Comment"]) for column in found]


def _without_alias(arn: str) -> str:
    return ":".join(arn.split(":")[:7])
