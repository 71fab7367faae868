"""Read `infra/pipeline.yaml` into typed, checked settings.

The file is the one place where a number of the pipeline is set. Its `environments` section is
merged over the rest for the environment at hand. Another file is an overlay: it names only what
differs. An unknown name or a value out of range is an error that says where it stands.
"""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml

from producers.explained import Explained

PIPELINE_FILE = Path(__file__).with_name("pipeline.yaml")
USUAL_ENVIRONMENTS: Final = ("dev", "prod")

Positive = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
FunctionMemory = Annotated[int, msgspec.Meta(ge=128, le=10240)]  # Lambda quota, MiB
Schedule = Annotated[str, msgspec.Meta(pattern=r"^(cron|rate)\(.+\)$")]  # EventBridge's expressions
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class SettingsError(Explained):
    """The settings file cannot be used; the message says where and why."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A section of pipeline.yaml: immutable, and strict about the names in it."""


class Http(_Section, frozen=True):
    """API Gateway's stage and the function behind it."""

    door: Literal["rest", "http"]
    stage: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
    rate_per_second: Annotated[float, msgspec.Meta(gt=0, le=10_000)]
    burst: Annotated[int, msgspec.Meta(ge=1, le=5_000)]
    # 400 KB item (DynamoDB quota) less the row's other attributes, see table_writer.MAX_ITEM_BYTES.
    max_event_bytes: Annotated[int, msgspec.Meta(ge=1, le=400_000)]
    max_batch_events: Annotated[int, msgspec.Meta(ge=1, le=25_000)]
    cors_origins: tuple[Annotated[str, msgspec.Meta(pattern=r"^(\*|https?://[^\s/]+)$")], ...]
    api_key_required: bool
    allowed_cidrs: tuple[str, ...]  # checked by `load`
    # At most a REST API's integration time-out; at least what producers.http_api needs for a call that hangs.
    timeout_seconds: Annotated[int, msgspec.Meta(ge=7, le=29)]
    memory_mib: FunctionMemory
    wire_client: bool

    @property
    def function_guards(self) -> bool:
        """Whether the function checks API key and address: an HTTP API checks neither."""
        return self.door == "http"


class Stream(_Section, frozen=True):
    """The Kinesis stream and what is put on it."""

    shards: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    retention_hours: Annotated[int, msgspec.Meta(ge=24, le=8_760)]
    partition_key: Annotated[str, msgspec.Meta(pattern=r"^(/([^~/]|~0|~1)*)+$")] | None
    aggregate_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=1_048_576)]


class Scaling(_Section, frozen=True):
    """Automatic scaling of the stream's shards; Terraform reads it."""

    enabled: bool
    dry_run: bool
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=900)]
    memory_mib: FunctionMemory
    target_utilisation: Share
    up_above: Share
    down_below: Share
    minimum_shards: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    maximum_shards: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    up_cool_down_seconds: Positive
    down_cool_down_seconds: Positive

    def __post_init__(self) -> None:
        if not self.down_below < self.target_utilisation < self.up_above:
            raise ValueError("down_below, target_utilisation and up_above have to rise")
        if self.minimum_shards > self.maximum_shards:
            raise ValueError("minimum_shards is over maximum_shards")


class TableWriter(_Section, frozen=True):
    """The function from the stream to DynamoDB, and its event source mapping."""

    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=900)]
    memory_mib: FunctionMemory
    concurrent_writes: Annotated[int, msgspec.Meta(ge=1, le=64)]
    wire_client: bool
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    batching_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)]
    parallelization_factor: Annotated[int, msgspec.Meta(ge=1, le=10)]
    maximum_retry_attempts: Annotated[int, msgspec.Meta(ge=-1, le=10_000)]
    maximum_record_age_seconds: Annotated[int, msgspec.Meta(ge=60, le=604_800)]
    bisect_batch_on_function_error: bool
    flood_share: Share
    flood_minimum: Positive


class Table(_Section, frozen=True):
    """The DynamoDB table."""

    ttl_days: Positive | None


class Archive(_Section, frozen=True):
    """Firehose, from the stream to the lake, and its transform."""

    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)]  # Firehose waits 5 minutes at most
    memory_mib: FunctionMemory
    buffer_mib: Annotated[int, msgspec.Meta(ge=64, le=128)]  # 64 is the least with Parquet conversion
    buffer_seconds: Annotated[int, msgspec.Meta(ge=0, le=900)]
    transform_buffer_mib: Annotated[float, msgspec.Meta(ge=0.2, le=3)]
    transform_buffer_seconds: Annotated[int, msgspec.Meta(ge=0, le=900)]
    transform_retries: Annotated[int, msgspec.Meta(ge=0, le=300)]


class Compaction(_Section, frozen=True):
    """From the many small files of an hour to few large ones."""

    schedule: Schedule
    timeout_seconds: Annotated[int, msgspec.Meta(ge=60, le=900)]
    memory_mib: FunctionMemory
    closed_after_minutes: Annotated[int, msgspec.Meta(ge=0, le=1_440)]
    visible_after_seconds: Annotated[int, msgspec.Meta(ge=0, le=3_600)]
    look_back_hours: Annotated[int, msgspec.Meta(ge=1, le=744)]


class DeadLetters(_Section, frozen=True):
    """The dead-letter queue and the function that archives it."""

    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=900)]
    memory_mib: FunctionMemory
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=10)]
    max_receive_count: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=14)]


class Monitoring(_Section, frozen=True):
    """Where the alarms of AWS are raised; Terraform reads it, see infra/terraform/alarms_*.tf."""

    http_error_share: Share
    http_refused_share: Share
    http_latency_p99_seconds: Annotated[float, msgspec.Meta(gt=0, le=29)]
    http_rate_share: Share
    http_anomaly_width: Annotated[float, msgspec.Meta(ge=1, le=10)]
    rejected_share: Share
    throttled_share: Share
    idempotency_conflicts: Annotated[int, msgspec.Meta(ge=0)]
    function_error_share: Share
    function_duration_share: Share
    behind_share: Share
    stuck_share: Share
    expiring_share: Share
    archive_freshness_seconds: Positive
    archive_behind_seconds: Positive
    dead_letters_waiting: Positive
    dead_letter_age_seconds: Positive
    parked_age_share: Share
    write_units_per_second: Positive
    monthly_budget_dollars: Annotated[float, msgspec.Meta(gt=0)]


class Backup(_Section, frozen=True):
    """AWS Backup's plan for the table; Terraform reads it."""

    schedule: Schedule
    cold_after_days: Positive
    keep_days: Annotated[int, msgspec.Meta(ge=91)]  # cold storage is billed for 90 days at the least


class Tracing(_Section, frozen=True):
    """Which requests are traced with X-Ray; the sampling rule on AWS, the gateway's own locally."""

    reservoir_per_second: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    sample_rate: Annotated[float, msgspec.Meta(ge=0, le=1)]


class Cost(_Section, frozen=True):
    """What `spillway cost` reckons with."""

    region_factor: Annotated[float, msgspec.Meta(gt=0, le=10)]


class Local(_Section, frozen=True):
    """What only the pipeline on one machine has."""

    http_port: Port
    aws_port: Port
    limits: Literal["aws", "off"]
    drain_seconds: Positive


class Settings(_Section, frozen=True):
    """Every setting of the pipeline, for one environment."""

    region: str
    http: Http
    stream: Stream
    scaling: Scaling
    table_writer: TableWriter
    table: Table
    archive: Archive
    compaction: Compaction
    dead_letters: DeadLetters
    monitoring: Monitoring
    tracing: Tracing
    backup: Backup
    cost: Cost
    local: Local

    def __post_init__(self) -> None:
        age, retention = self.table_writer.maximum_record_age_seconds, self.stream.retention_hours * 3_600
        if age > retention:
            raise ValueError(
                f"table_writer.maximum_record_age_seconds is {age:,}, over the {retention:,} seconds of "
                "stream.retention_hours: a record would be gone before it is given up"
            )


class _Loader(yaml.SafeLoader):
    """YAML 1.2, as Terraform reads it: `on`, `off`, `yes` and `no` are text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


def load(environment: str, path: Path = PIPELINE_FILE) -> Settings:
    """Read the settings of one environment.

    Args:
        environment: such as `local` or `prod`; one without a section of its own gets the rest as it stands.
        path: the YAML file; another than pipeline.yaml is laid over it.

    Raises:
        SettingsError: the file is missing, not YAML, or a setting is unknown, absent or out of range.
    """
    document = _read(PIPELINE_FILE)
    if path != PIPELINE_FILE:
        document = _merge(document, _read(path))
    environments = document.pop("environments", None) or {}
    try:
        merged = _merge(document, environments.get(environment) or {})
        http = merged.get("http")
        if isinstance(http, dict) and http.get("stage", "") is None:
            http["stage"] = environment
        settings = msgspec.convert(merged, Settings)
        for cidr in settings.http.allowed_cidrs:
            ip_network(cidr)
    except (msgspec.ValidationError, AttributeError, TypeError, ValueError) as error:
        raise SettingsError(f"{path} (environment {environment}): {error}") from error
    return settings


def environments(path: Path = PIPELINE_FILE) -> frozenset[str]:
    """The known environments: in the settings file, in Terraform's variables, and the usual two."""
    named = _read(path).get("environments") or {}
    variables = path.parent / "terraform" / "environments"
    return frozenset({*named, *USUAL_ENVIRONMENTS, *(file.stem for file in variables.glob("*.tfvars"))})


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (a SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: expected a mapping of settings, found {type(document).__name__}")
    return document


def _merge(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Lay `overrides` over `base`, section by section."""
    merged = dict(base)
    for name, value in overrides.items():
        section = merged.get(name)
        merged[name] = _merge(section, value) if isinstance(section, dict) and isinstance(value, dict) else value
    return merged
