"""An event source mapping in moto, for tests of what reads or changes it."""

import json

import boto3

from infra.shards.report import Clients


def make_mapping(clients: Clients, stream_arn: str, function: str) -> str:
    trust = {"Version": "2012-10-17", "Statement": []}
    role = boto3.client("iam").create_role(RoleName="writer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    clients.lambda_.create_function(
        FunctionName=function,
        Runtime="python3.13",
        Role=role,
        Handler="h.h",
        Code={"ZipFile": b"PK\x05\x06" + b"\0" * 18},
    )
    answer = clients.lambda_.create_event_source_mapping(
        EventSourceArn=stream_arn, FunctionName=function, StartingPosition="LATEST", ParallelizationFactor=1
    )
    return str(answer["UUID"])
