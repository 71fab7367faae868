"""Small documents in S3: read with retries, and written only where nobody else wrote in the meantime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained
from producers.retry import Backoff, error_code

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PATIENCE_SECONDS: Final = 60.0

T = TypeVar("T")

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
# PreconditionFailed: the condition does not hold; ConditionalRequestConflict: another write is under way.
_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class WrittenByAnother(Exception):
    """A document has changed since it was read."""


class DamagedDocument(Explained):
    """A document is not in its format; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read.

    Args:
        body: its content.
        etag: names this content, for writing on the condition that nothing has changed.
        written_at: by S3's clock, whole seconds.
        read_at: by S3's clock too; the difference is the document's age, and depends on no clock of a machine.
    """

    body: bytes
    etag: str
    written_at: datetime
    read_at: datetime


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
        """Read a document; None where it does not exist."""

        def get() -> Document:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            return Document(
                answer["Body"].read(), answer["ETag"], answer["LastModified"], answered_at(answer, self.clock)
            )

        try:
            return self.patience().call(get)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            raise

    def write(self, key: str, body: bytes) -> None:
        """Write a document, over what is there."""
        self.patience().call(lambda: self.s3.put_object(Bucket=self.bucket, Key=key, Body=body))

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
            answer = self.patience().call(
                lambda: self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **condition)  # type: ignore[arg-type]
            )
        except ClientError as error:
            if error_code(error) not in _CONFLICTS | _MISSING:
                raise
            # A write whose answer was lost is retried, and then finds its own document.
            found = self.read(key)
            if found is not None and found.body == body:
                return found.etag
            raise WrittenByAnother(key) from error
        return answer["ETag"]

    def patience(self) -> Backoff:
        """The back-off of one call: it retries for a minute."""
        return Backoff.lasting(PATIENCE_SECONDS, self.clock)


def parsed(key: str, body: bytes, parse: Callable[[bytes], T]) -> T:
    """What the body of a document says.

    Raises:
        DamagedDocument: `parse` cannot read it.
    """
    try:
        return parse(body)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedDocument(
            f"{key} is damaged ({type(error).__name__}: {error}); restore an earlier version of the object"
        ) from error


def answered_at(answer: Mapping[str, Any], clock: Clock = SYSTEM_CLOCK) -> datetime:
    """When AWS answered a call, by its own clock; by ours where the answer has no `Date`."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date) if date else datetime.fromtimestamp(clock.time(), UTC)
