"""The four Lambda functions: what each runs, how large it is, and the settings it reads from its environment."""

from dataclasses import dataclass

from infra.names import Names
from infra.settings import Settings

HTTP_API = "producers.http_api"
TABLE_WRITER = "consumers.table_writer"
FIREHOSE_TRANSFORM = "archive.firehose_transform"
DEAD_LETTER_ARCHIVER = "archive.dead_letter_archiver"


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


def functions(settings: Settings, names: Names, dead_letter_queue_url: str) -> tuple[Function, ...]:
    """The functions of one environment. Terraform sets the same; a test compares them."""
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
                "IDEMPOTENCY_TABLE": names.idempotency_table,
                "CORS_ORIGINS": " ".join(http.cors_origins),
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
