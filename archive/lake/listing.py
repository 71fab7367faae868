"""Listing the objects of a bucket, a page at a time: the one place that calls ListObjectsV2."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object, as ListObjectsV2 describes it.

    Args:
        key: key of the object.
        size: size in bytes.
        written_at: when the object was written, by S3's clock, UTC.
    """

    key: str
    size: int
    written_at: datetime


def list_objects(s3: "S3Client", bucket: str, prefix: str, start_after: str = "") -> Iterator[ListedObject]:
    """List the objects whose keys begin with a prefix, in the order of their keys.

    Args:
        s3: a client.
        bucket: to list.
        prefix: of every key.
        start_after: a key, or the beginning of one; the list starts after it.
    """
    for page in _pages(s3, Bucket=bucket, Prefix=prefix, **({"StartAfter": start_after} if start_after else {})):
        for found in page.get("Contents", []):
            yield ListedObject(found["Key"], found["Size"], found["LastModified"])


def list_folders(s3: "S3Client", bucket: str, prefix: str) -> Iterator[str]:
    """List the folders directly under a prefix, such as the hours of a day. Each ends in a slash.

    Args:
        s3: a client.
        bucket: to list.
        prefix: ends in a slash.
    """
    for page in _pages(s3, Bucket=bucket, Prefix=prefix, Delimiter="/"):
        for found in page.get("CommonPrefixes", []):
            yield found["Prefix"]


def _pages(s3: Any, **request: str) -> Iterator[Any]:
    return iter(s3.get_paginator("list_objects_v2").paginate(**request))
