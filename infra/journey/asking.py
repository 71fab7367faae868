"""What a journey asks of an environment, for the command and for the page."""

import json
from datetime import timedelta
from typing import Any, Final

import urllib3

from infra.environment import Environment as Deployed
from infra.journey.journey import Environment

TRACES_PATH: Final = "/_local/traces"
TIMEOUT_SECONDS: Final = 5.0


def asked_of(deployed: Deployed, traces_url: str) -> Environment:
    """What a journey asks.

    Args:
        deployed: the environment that a command or a console works on.
        traces_url: where the pipeline on this machine shows traces; unused for an environment on AWS.
    """
    kinesis, dynamodb, s3 = (deployed.client(service) for service in ("kinesis", "dynamodb", "s3"))
    is_local = deployed.is_local
    xray = None if is_local else deployed.client("xray")
    region = kinesis.meta.region_name
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#xray:traces/"
    return Environment(
        names=deployed.names(),
        retention=timedelta(hours=deployed.settings().stream.retention_hours),
        kinesis=kinesis,
        dynamodb=dynamodb,
        s3=s3,
        logs=None if is_local else deployed.client("logs"),
        segments=lambda trace_id: segments_at(traces_url, trace_id) if xray is None else segments_of(xray, trace_id),
        trace_link=lambda trace_id: f"{traces_url}?id={trace_id}" if is_local else f"{console}{trace_id}",
    )


def segments_of(xray: Any, trace_id: str) -> list[dict[str, Any]]:
    """The segments that X-Ray keeps of a trace."""
    traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    return [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]


def segments_at(traces_url: str, trace_id: str) -> list[dict[str, Any]]:
    """The segments that the pipeline on this machine keeps of a trace; none where it does not answer."""
    try:
        answer = urllib3.request("GET", f"{traces_url}?id={trace_id}", timeout=TIMEOUT_SECONDS, retries=False)
        found: list[dict[str, Any]] = json.loads(answer.data)
    except (urllib3.exceptions.HTTPError, ValueError):
        return []
    return found
