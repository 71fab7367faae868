"""Small documents in S3: read with patience, and written only where nobody else wrote in the meantime."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import ClientError

from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import AWS_ERRORS, Backoff, error_code, is_transient

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PATIENCE_SECONDS: Final = 60.0

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
# PreconditionFailed: the condition does not hold; ConditionalRequestConflict: another write is under way.
_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})

T = TypeVar("T")


class WrittenByAnother(Exception):
    """A document is no longer what it was when it was read."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read.

    Args:
        body: its content.
        etag: names this content, for writing on the condition that nothing has changed.
        written_at: by S3's clock, whole seconds.
    """

    body: bytes
    etag: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents of one bucket.

    Args:
        s3: the client.
        bucket: the bucket.
        clock: for waiting between tries.
    """

    s3: "S3Client"
    bucket: str
    clock: Clock = SYSTEM_CLOCK

    def read(self, key: str) -> Document | None:
        """Read a document; None where there is none."""

        def get() -> Document:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            return Document(answer["Body"].read(), answer["ETag"], answer["LastModified"])

        try:
            return patiently(get, self.clock)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            raise

    def write(self, key: str, body: bytes) -> None:
        """Write a document, whatever is there."""
        patiently(lambda: self.s3.put_object(Bucket=self.bucket, Key=key, Body=body), self.clock)

    def write_if(self, key: str, body: bytes, etag: str | None) -> str:
        """Write a document on a condition, and return its new ETag.

        Args:
            key: of the document.
            body: its new content.
            etag: what must be there now; None where there must be nothing.

        Raises:
            WrittenByAnother: something else is there.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            answer = patiently(
                lambda: self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **condition),  # type: ignore[arg-type]
                self.clock,
            )
        except ClientError as error:
            if error_code(error) not in _CONFLICTS | _MISSING:
                raise
            # A write whose answer was lost is tried again, and then meets itself.
            found = self.read(key)
            if found is not None and found.body == body:
                return found.etag
            raise WrittenByAnother(key) from error
        return answer["ETag"]


def patiently(call: Callable[[], T], clock: Clock = SYSTEM_CLOCK) -> T:
    """Make a call of S3, again where it may work later, for a minute at the most."""
    backoff = Backoff(clock.monotonic() + PATIENCE_SECONDS, clock)
    while True:
        try:
            return call()
        except AWS_ERRORS as error:
            if not is_transient(error) or not backoff.wait():
                raise
