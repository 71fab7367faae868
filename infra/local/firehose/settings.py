"""The settings of a delivery stream, read from the answer of `firehose.describe_delivery_stream`.

So it does not matter who created the stream: Terraform, a script, or a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.local.firehose.object_names import ObjectNames
from infra.local.firehose.parquet_conversion import Compression
from infra.openx.json_rows import OpenXRules

MIB: Final = 1024 * 1024
# Defaults of the API reference: BufferingHints with record format conversion, ProcessorParameter.
DEFAULT_BUFFER_MIB: Final = 128
DEFAULT_BUFFER_SECONDS: Final = 300
DEFAULT_TRANSFORM_BUFFER_MIB: Final = 1
DEFAULT_TRANSFORM_BUFFER_SECONDS: Final = 60
DEFAULT_TRANSFORM_RETRIES: Final = 3
_COMPRESSIONS: Final[dict[str, Compression]] = {"SNAPPY": "snappy", "GZIP": "gzip", "UNCOMPRESSED": "none"}


class UnsupportedDeliveryStream(ValueError):
    """A delivery stream configured for something that is not run here; the message says what."""


@dataclass(frozen=True, slots=True)
class TransformSettings:
    """The Lambda processor.

    Args:
        function_arn: of the function.
        retries: further invocations after one that failed.
        buffer_bytes: an invocation is made once so much is held, counted before base64.
        buffer_seconds: or once the oldest record held is so old.
    """

    function_arn: str
    retries: int
    buffer_bytes: int
    buffer_seconds: float


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """The Glue table that gives the columns, as SchemaConfiguration names it.

    Args:
        version: of the table, `LATEST` for whichever is the newest at each delivery.
    """

    catalog_id: str
    database: str
    table: str
    region: str
    version: str
    role_arn: str


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """One delivery stream from a Kinesis stream to Parquet on S3.

    Args:
        stream: name of the Kinesis stream that it reads.
        buffer_bytes: an object is written once so much is held, counted after the transform.
        buffer_seconds: or once so much time has passed since the first record came into the empty buffer.
        transform: None where there is no Lambda processor, or it is switched off.
    """

    name: str
    arn: str
    region: str
    stream: str
    stream_arn: str
    bucket: str
    names: ObjectNames
    buffer_bytes: int
    buffer_seconds: float
    transform: TransformSettings | None
    catalog_table: CatalogTable
    json_rules: OpenXRules
    compression: Compression


def read_settings(answer: Mapping[str, Any]) -> DeliverySettings:
    """Read the answer of `describe_delivery_stream`.

    Raises:
        UnsupportedDeliveryStream: its source is not a Kinesis stream, its destination not S3 as Parquet through the
            OpenX SerDe, or it partitions dynamically.
        infra.local.firehose.object_names.UnsupportedName: a prefix cannot be evaluated.
    """
    description = answer["DeliveryStreamDescription"]
    name, arn = description["DeliveryStreamName"], description["DeliveryStreamARN"]
    stream_arn = description.get("Source", {}).get("KinesisStreamSourceDescription", {}).get("KinesisStreamARN")
    if not stream_arn:
        raise UnsupportedDeliveryStream(f"{name}: only a Kinesis stream as its source is run here")
    destination = _s3_destination(name, description)
    conversion = _conversion(name, destination)
    hints = destination.get("BufferingHints", {})
    region, account = arn.split(":")[3:5]
    return DeliverySettings(
        name=name,
        arn=arn,
        region=region,
        stream=stream_arn.rpartition("/")[2],
        stream_arn=stream_arn,
        bucket=destination["BucketARN"].rpartition(":")[2],
        names=ObjectNames(
            name,
            str(description.get("VersionId", "1")),
            prefix=destination.get("Prefix", ""),
            error_prefix=destination.get("ErrorOutputPrefix", ""),
            extension=destination.get("FileExtension", ""),
            time_zone=destination.get("CustomTimeZone") or "UTC",
        ),
        buffer_bytes=int(hints.get("SizeInMBs", DEFAULT_BUFFER_MIB)) * MIB,
        buffer_seconds=float(hints.get("IntervalInSeconds", DEFAULT_BUFFER_SECONDS)),
        transform=_transform(destination.get("ProcessingConfiguration", {})),
        catalog_table=_catalog_table(conversion.get("SchemaConfiguration", {}), account, region),
        json_rules=_json_rules(name, conversion),
        compression=_compression(name, conversion),
    )


def _s3_destination(name: str, description: Mapping[str, Any]) -> Mapping[str, Any]:
    for destination in description.get("Destinations", []):
        found: Mapping[str, Any] | None = destination.get("ExtendedS3DestinationDescription")
        if found:
            if found.get("DynamicPartitioningConfiguration", {}).get("Enabled"):
                raise UnsupportedDeliveryStream(f"{name}: dynamic partitioning is not run here")
            return found
    raise UnsupportedDeliveryStream(f"{name}: only an extended S3 destination is run here")


def _conversion(name: str, destination: Mapping[str, Any]) -> Mapping[str, Any]:
    conversion: Mapping[str, Any] | None = destination.get("DataFormatConversionConfiguration")
    if not conversion or not conversion.get("Enabled", True):  # omitted, it counts as enabled (API reference)
        raise UnsupportedDeliveryStream(f"{name}: only delivery with record format conversion is run here")
    return conversion


def _catalog_table(schema: Mapping[str, Any], account: str, region: str) -> CatalogTable:
    return CatalogTable(
        catalog_id=schema.get("CatalogId") or account,
        database=schema.get("DatabaseName", ""),
        table=schema.get("TableName", ""),
        region=schema.get("Region") or region,
        version=schema.get("VersionId") or "LATEST",
        role_arn=schema.get("RoleARN", ""),
    )


def _json_rules(name: str, conversion: Mapping[str, Any]) -> OpenXRules:
    deserializer = conversion.get("InputFormatConfiguration", {}).get("Deserializer", {})
    if "HiveJsonSerDe" in deserializer:
        raise UnsupportedDeliveryStream(f"{name}: the Hive JSON SerDe is not run here, the OpenX JSON SerDe is")
    options = deserializer.get("OpenXJsonSerDe") or {}
    return OpenXRules(
        case_insensitive=options.get("CaseInsensitive", True),
        dots_to_underscores=options.get("ConvertDotsInJsonKeysToUnderscores", False),
        column_keys=dict(options.get("ColumnToJsonKeyMappings") or {}),
    )


def _compression(name: str, conversion: Mapping[str, Any]) -> Compression:
    serializer = conversion.get("OutputFormatConfiguration", {}).get("Serializer", {})
    if "OrcSerDe" in serializer:
        raise UnsupportedDeliveryStream(f"{name}: ORC is not written here, Parquet is")
    chosen = (serializer.get("ParquetSerDe") or {}).get("Compression", "SNAPPY")
    if chosen not in _COMPRESSIONS:
        raise UnsupportedDeliveryStream(
            f"{name}: Parquet compression {chosen} is not one of {', '.join(_COMPRESSIONS)}"
        )
    return _COMPRESSIONS[chosen]


def _transform(processing: Mapping[str, Any]) -> TransformSettings | None:
    if not processing.get("Enabled", False):  # omitted, it counts as disabled (observed)
        return None
    for processor in processing.get("Processors", []):
        if processor["Type"] == "Lambda":
            values = {each["ParameterName"]: each["ParameterValue"] for each in processor.get("Parameters", [])}
            return TransformSettings(
                function_arn=values["LambdaArn"],
                retries=int(values.get("NumberOfRetries", DEFAULT_TRANSFORM_RETRIES)),
                buffer_bytes=int(float(values.get("BufferSizeInMBs", DEFAULT_TRANSFORM_BUFFER_MIB)) * MIB),
                buffer_seconds=float(values.get("BufferIntervalInSeconds", DEFAULT_TRANSFORM_BUFFER_SECONDS)),
            )
    return None
