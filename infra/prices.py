"""What AWS charges: the one price table, in US dollars, for us-east-1.

Read from AWS's price lists between June and October 2026, each with its day; `UNSURE` names those that no price list
was read for. Other regions differ by a little (`cost.region_factor` in pipeline.yaml); eu-west-2 was not checked.
Free tiers, discounts, savings plans, taxes and data transfer are left out; of volume tiers the first is reckoned with.
"""

from typing import Final

REGION: Final = "us-east-1"
READ: Final = "October 2026"

KIB: Final = 1024
MIB: Final = 1024**2
GIB: Final = 1024**3
MILLION: Final = 1_000_000
HOURS_A_MONTH: Final = 730
SECONDS_A_MONTH: Final = HOURS_A_MONTH * 3_600

# API Gateway.
REQUEST_MILLION: Final = 3.50  # REST, of the first 333 million a month; more cost less (2026-06-12)
HTTP_REQUEST_MILLION: Final = 1.00  # HTTP API, of the first 300 million a month (2026-06-12) ...
HTTP_REQUEST_BYTES: Final = 512 * KIB  # ... each begun so much of a body counts as one

# Application Load Balancer, for comparison only.
BALANCER_HOUR: Final = 0.0225
BALANCER_UNIT_HOUR: Final = 0.008  # a capacity unit: the largest of what follows
BALANCER_UNIT_CONNECTIONS: Final = 25  # new connections a second
BALANCER_UNIT_GIB_HOUR: Final = 0.4  # to a Lambda function

# Lambda.
INVOCATION_MILLION: Final = 0.20  # (2026-08-09)
GIB_SECOND: Final = 0.0000133334  # arm64 (2026-08-09)

# Kinesis Data Streams (2026-10-02; Advantage and fan-out 2026-08-08).
SHARD_HOUR: Final = 0.015  # a provisioned shard
PUT_UNIT_MILLION: Final = 0.014  # a million PUT payload units ...
PUT_UNIT_BYTES: Final = 25 * KIB  # ... of each record by itself
FREE_RETENTION_HOURS: Final = 24
LONG_RETENTION_SHARD_HOUR: Final = 0.020  # over 24 hours, up to 7 days
ON_DEMAND_STREAM_HOUR: Final = 0.04  # on-demand standard
ON_DEMAND_IN_GIB: Final = 0.08  # each record rounded up to 1 KB
ON_DEMAND_OUT_GIB: Final = 0.04  # for each reader without enhanced fan-out
ADVANTAGE_IN_GIB: Final = 0.032  # on-demand Advantage: no stream-hour ...
ADVANTAGE_OUT_GIB: Final = 0.016
ADVANTAGE_LEAST_BYTES: Final = 25 * MIB  # ... but so much a second is billed at the least, in and out, by account
FAN_OUT_SHARD_HOUR: Final = 0.015  # enhanced fan-out, a consumer and shard
FAN_OUT_GIB: Final = 0.013  # enhanced fan-out, read

# Firehose.
FIREHOSE_IN_GIB: Final = 0.029  # the first 500 TB (2026) ...
FIREHOSE_ROUNDING_BYTES: Final = 5 * KIB  # ... each record rounded up
FIREHOSE_PARQUET_GIB: Final = 0.018  # conversion, of the same rounded bytes (2026)

# S3 Standard (2026-08-09).
STORAGE_GIB_MONTH: Final = 0.023
PUT_THOUSAND: Final = 0.005
GET_THOUSAND: Final = 0.0004

# DynamoDB, on demand (2026-06 to 2026-10).
WRITE_UNIT_MILLION: Final = 0.625
ROW_GIB_MONTH: Final = 0.25
POINT_IN_TIME_GIB_MONTH: Final = 0.20
WRITE_CAPACITY_HOUR: Final = 0.00065  # provisioned: a unit of write capacity

# SQS, standard queues (2026-08-09).
QUEUE_MILLION: Final = 0.40  # requests, each of up to ...
QUEUE_CHUNK_BYTES: Final = 64 * KIB

# Athena, KMS, CloudWatch, X-Ray.
SCANNED_TIB: Final = 5.00  # (2026)
SCANNED_LEAST_BYTES: Final = 10 * MIB  # of a query
KEY_MONTH: Final = 1.00  # (2026-06-12)
LOG_GIB: Final = 0.50  # ingested
METRIC_MONTH: Final = 0.30  # a custom metric
TRACE_MILLION: Final = 5.00  # recorded

# What was not read in a price list, but comes from second hand or memory.
UNSURE: Final = frozenset({
    "BALANCER_HOUR",
    "BALANCER_UNIT_HOUR",
    "BALANCER_UNIT_CONNECTIONS",
    "BALANCER_UNIT_GIB_HOUR",
    "HTTP_REQUEST_BYTES",
    "LONG_RETENTION_SHARD_HOUR",
    "QUEUE_CHUNK_BYTES",
    "SCANNED_LEAST_BYTES",
    "LOG_GIB",
    "METRIC_MONTH",
    "TRACE_MILLION",
    "WRITE_CAPACITY_HOUR",
})  # fmt: skip
