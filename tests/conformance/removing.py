"""Deleting what the facts created, by kind and name alone, so that a later process can do it."""

import logging
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance.ledger import Ledger, Resource

PREFIX: Final = "spillway-conformance-"  # of every resource; nothing else is ever deleted
GONE: Final = frozenset({
    "ResourceNotFoundException", "NoSuchBucket", "AWS.SimpleQueueService.NonExistentQueue", "EntityNotFoundException",
    "NoSuchEntity", "NoSuchEntityException", "NotFoundException", "QueueDoesNotExist",
})  # fmt: skip

_log = logging.getLogger("spillway.conformance")

Client = Callable[[str], Any]


def remove_all(ledger: Ledger, client: Client | None = None) -> list[str]:
    """Delete what the ledger says may exist; return what could not be deleted, and why."""
    client = client or _new_client
    problems = []
    for resource in ledger.remaining():
        try:
            remove(resource, client)
        except (ClientError, BotoCoreError) as error:
            problems.append(f"{resource.kind} {resource.name}: {error}")
        else:
            ledger.is_gone(resource)
    return problems


def remove(resource: Resource, client: Client) -> None:
    """Delete one resource; it is no error if it does not exist.

    Raises:
        ValueError: its name does not begin with the prefix of this suite.
        ClientError, BotoCoreError: AWS refused.
    """
    if not resource.name.replace("_", "-").startswith(PREFIX):
        raise ValueError(f"{resource.kind} {resource.name} was not created by the conformance suite")
    try:
        _REMOVERS[resource.kind](client, resource.name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
    _log.info("deleted %s %s", resource.kind, resource.name)


def _new_client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload] # the stubs know literal names only


def _stream(client: Client, name: str) -> None:
    client("kinesis").delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def _table(client: Client, name: str) -> None:
    client("dynamodb").delete_table(TableName=name)


def _queue(client: Client, name: str) -> None:
    sqs = client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _bucket(client: Client, name: str) -> None:
    s3 = client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for found in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


def _database(client: Client, name: str) -> None:
    client("glue").delete_database(Name=name)


def _role(client: Client, name: str) -> None:
    iam = client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _function(client: Client, name: str) -> None:
    lambda_ = client("lambda")
    for mapping in lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
        lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    lambda_.delete_function(FunctionName=name)
    client("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")  # Lambda made it with the first invocation


def _delivery_stream(client: Client, name: str) -> None:
    client("firehose").delete_delivery_stream(DeliveryStreamName=name, AllowForceDelete=True)


def _rest_api(client: Client, name: str) -> None:
    gateway = client("apigateway")
    for api in gateway.get_rest_apis(limit=500)["items"]:
        if api["name"] == name:
            gateway.delete_rest_api(restApiId=api["id"])


def _http_api(client: Client, name: str) -> None:
    gateway = client("apigatewayv2")
    for api in gateway.get_apis()["Items"]:
        if api["Name"] == name:
            gateway.delete_api(ApiId=api["ApiId"])


_REMOVERS: Final[dict[str, Callable[[Client, str], None]]] = {
    "stream": _stream,
    "table": _table,
    "queue": _queue,
    "bucket": _bucket,
    "database": _database,
    "role": _role,
    "function": _function,
    "delivery stream": _delivery_stream,
    "REST API": _rest_api,
    "HTTP API": _http_api,
}
