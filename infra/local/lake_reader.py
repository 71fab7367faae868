"""The local lake as an Arrow dataset, for DuckDB to query."""

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
from botocore.exceptions import BotoCoreError, ClientError

from archive.lake import PARTITIONS, arrow_schema, columns


class LakeUnavailable(Exception):
    """The lake cannot be read; the message says why."""


def landing(s3: Any, bucket: str) -> ds.Dataset:
    """Every Parquet object that Firehose has written, with its partition columns.

    Args:
        s3: a client; its endpoint and credentials are used.
        bucket: of the lake.

    Raises:
        LakeUnavailable: the bucket cannot be listed.
    """
    schema = pa.schema([*arrow_schema(columns()), *arrow_schema(PARTITIONS)])
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="events/")
        paths = [f"{bucket}/{found['Key']}" for page in pages for found in page.get("Contents", [])]
    except (ClientError, BotoCoreError) as error:
        raise LakeUnavailable(f"the lake {bucket} cannot be read: {error}") from error
    if not paths:
        return ds.dataset(pa.table({field.name: pa.array([], field.type) for field in schema}))
    credentials = s3._request_signer._credentials.get_frozen_credentials()  # noqa: SLF001 (boto3 has no public way)
    filesystem = pyarrow.fs.S3FileSystem(
        access_key=credentials.access_key,
        secret_key=credentials.secret_key,
        session_token=credentials.token,
        region=s3.meta.region_name,
        endpoint_override=s3.meta.endpoint_url,
    )
    return ds.dataset(
        paths,
        schema=schema,
        format="parquet",
        filesystem=filesystem,
        partitioning=ds.partitioning(arrow_schema(PARTITIONS), flavor="hive"),
        partition_base_dir=f"{bucket}/events/",
    )
