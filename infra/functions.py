"""The Lambda functions: what each runs, how large it is, and the settings it reads from its environment."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.names import Names
from infra.settings import Settings

HTTP_API = "producers.http_api"
TABLE_WRITER = "consumers.table_writer"
FIREHOSE_TRANSFORM = "archive.firehose_transform"
DEAD_LETTER_ARCHIVER = "archive.dead_letter_archiver"
COMPACTOR = "archive.compactor"
SCALING_FUNCTION = "infra.shards.scaling_function"

SCALING_PERIOD_SECONDS = 60  # between two looks at the stream


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function.

    Args:
        module: with the `handler` in it.
        timeout_seconds: Lambda ends an invocation after so long.
        memory_mib: its size; CPU comes in proportion.
        environment: its environment variables.
    """

    module: str
    timeout_seconds: int
    memory_mib: int
    environment: dict[str, str]


def functions(
    settings: Settings, names: Names, dead_letter_queue_url: str, api_key_digests: Sequence[str] = ()
) -> tuple[Function, ...]:
    """The functions that events go through. Terraform sets the same; a test compares them.

    Args:
        settings: of the environment.
        names: of its resources.
        dead_letter_queue_url: the queue's address.
        api_key_digests: SHA-256 of the API keys that the function checks, where an HTTP API stands in front.
    """
    http, writer, archive, dead_letters = settings.http, settings.table_writer, settings.archive, settings.dead_letters
    return (
        Function(
            HTTP_API,
            http.timeout_seconds,
            http.memory_mib,
            {
                "STREAM_NAME": names.stream,
                "AGGREGATE_BYTES": str(settings.stream.aggregate_bytes),
                "PARTITION_KEY": settings.stream.partition_key or "",
                "MAX_EVENT_BYTES": str(http.max_event_bytes),
                "MAX_BATCH_EVENTS": str(http.max_batch_events),
                "WIRE_CLIENT_KINESIS": "on" if http.wire_client else "off",
                "IDEMPOTENCY_TABLE": names.idempotency_table,
                "CORS_ORIGINS": " ".join(http.cors_origins),
                "API_KEY_SHA256": " ".join(api_key_digests) if http.function_guards else "",
                "ALLOWED_CIDRS": " ".join(http.allowed_cidrs) if http.function_guards else "",
            },
        ),
        Function(
            TABLE_WRITER,
            writer.timeout_seconds,
            writer.memory_mib,
            {
                "TABLE_NAME": names.table,
                "TTL_DAYS": str(settings.table.ttl_days or ""),
                "CONCURRENT_WRITES": str(writer.concurrent_writes),
                "WIRE_CLIENT_DYNAMODB": "on" if writer.wire_client else "off",
                "FLOOD_SHARE": str(writer.flood_share),
                "FLOOD_MINIMUM": str(writer.flood_minimum),
                "DEAD_LETTER_QUEUE_URL": dead_letter_queue_url,
                "DEAD_LETTER_BUCKET": names.dead_letter_bucket,
            },
        ),
        Function(FIREHOSE_TRANSFORM, archive.timeout_seconds, archive.memory_mib, {}),
        Function(
            DEAD_LETTER_ARCHIVER,
            dead_letters.timeout_seconds,
            dead_letters.memory_mib,
            {"DEAD_LETTER_BUCKET": names.dead_letter_bucket},
        ),
    )


def scheduled_functions(settings: Settings, names: Names, topic_arn: str) -> tuple[Function, ...]:
    """The functions that a schedule calls, on AWS alone. Terraform sets the same; a test compares them.

    Args:
        settings: of the environment.
        names: of its resources.
        topic_arn: the topic `low`.
    """
    compaction, scaling = settings.compaction, settings.scaling
    compactor = Function(
        COMPACTOR,
        compaction.timeout_seconds,
        compaction.memory_mib,
        {
            "LAKE_BUCKET": names.lake_bucket,
            "ATHENA_WORKGROUP": names.prefix,
            "GLUE_DATABASE": names.database,
            "LOOK_BACK_HOURS": str(compaction.look_back_hours),
            "CLOSED_AFTER_MINUTES": str(compaction.closed_after_minutes),
            "VISIBLE_AFTER_SECONDS": str(compaction.visible_after_seconds),
        },
    )
    scaler = Function(
        SCALING_FUNCTION,
        scaling.timeout_seconds,
        scaling.memory_mib,
        {
            "STREAM_NAME": names.stream,
            "DELIVERY_STREAM_NAME": names.delivery_stream,
            "TABLE_WRITER_NAME": names.function(TABLE_WRITER),
            "TOPIC_ARN": topic_arn,
            "DRY_RUN": "true" if scaling.dry_run else "false",
            "PERIOD_SECONDS": str(SCALING_PERIOD_SECONDS),
            "TARGET_UTILISATION": str(scaling.target_utilisation),
            "UP_ABOVE": str(scaling.up_above),
            "DOWN_BELOW": str(scaling.down_below),
            "MIN_SHARDS": str(scaling.minimum_shards),
            "MAX_SHARDS": str(scaling.maximum_shards),
            "UP_COOL_DOWN_SECONDS": str(scaling.up_cool_down_seconds),
            "DOWN_COOL_DOWN_SECONDS": str(scaling.down_cool_down_seconds),
        },
    )
    return (compactor, scaler) if scaling.enabled else (compactor,)
