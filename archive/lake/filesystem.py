"""The S3 file system through which pyarrow reads the lake's objects."""

from typing import Any

import pyarrow.fs


def filesystem_of(s3: Any) -> pyarrow.fs.S3FileSystem:
    """Return a pyarrow file system for the endpoint and credentials of an S3 client."""
    credentials = s3._request_signer._credentials.get_frozen_credentials()  # noqa: SLF001 (boto3 has no public way)
    return pyarrow.fs.S3FileSystem(
        access_key=credentials.access_key,
        secret_key=credentials.secret_key,
        session_token=credentials.token,
        region=s3.meta.region_name,
        endpoint_override=s3.meta.endpoint_url,
    )
