"""HTTP to Kinesis the way of Powertools for AWS Lambda: an `APIGatewayRestResolver` route, Logger and Metrics.

Follows the pages "REST API", "Logger" and "Metrics" of its documentation. Their Tracer is left out, since it needs
the X-Ray SDK even where it is disabled; with it this handler would be slower.
"""

import json
import os
from datetime import UTC, datetime

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()
app = APIGatewayRestResolver()
kinesis = boto3.client("kinesis")


@app.post("/app")
def post_event():
    request = app.current_event.request_context
    record = {
        "version": 1,
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "request_id": request.request_id,
        "source_ip": request.identity.source_ip,
        "user_agent": request.identity.user_agent,
        "trace": None,
        "payload": app.current_event.json_body,
    }
    kinesis.put_record(
        StreamName=os.environ["STREAM_NAME"],
        Data=json.dumps(record, separators=(",", ":")).encode(),
        PartitionKey=record["request_id"],
    )
    metrics.add_metric(name="AcceptedEvents", unit=MetricUnit.Count, value=1)
    return Response(
        status_code=201,
        content_type=content_types.APPLICATION_JSON,
        body={"timestamp": record["timestamp"], "request_id": record["request_id"]},
    )


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
