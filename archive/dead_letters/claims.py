"""Claims: the bytes of a dead letter that were too large for a message, in an object of their own.

A dead letter names its claim by an S3 URI. Anybody who may send a message can name any object there, so only claims of
our own bucket are read, and only up to the size of a stream record.
"""

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from consumers.dead_letter import CLAIM_PREFIX
from producers.retry import error_code

if TYPE_CHECKING:
    from archive.dead_letters.documents import Documents

MAX_CLAIM_BYTES: Final = 10 * 1024 * 1024  # Kinesis quota: the largest record that a stream can be set to take, 2026

_MISSING: Final = frozenset(
    {"NoSuchKey", "InvalidObjectState", "404", "NotFound"}
)  # InvalidObjectState: put in a vault


class InvalidClaim(ValueError):
    """The bytes of a dead letter are not available; the message says why."""


def read_claim(documents: "Documents", uri: str) -> bytes:
    """The bytes that a dead letter left in S3.

    Args:
        documents: of the bucket of dead letters.
        uri: such as `s3://BUCKET/claims/…`.

    Raises:
        InvalidClaim: the URI names another place, or an object that is missing or too large.
        ClientError, BotoCoreError: S3 cannot be read now.
    """
    key = uri.removeprefix(f"s3://{documents.bucket}/")
    if key == uri or not key.startswith(CLAIM_PREFIX):
        raise InvalidClaim(f"{uri:.200} is not a claim in s3://{documents.bucket}/{CLAIM_PREFIX}")

    def get() -> bytes:
        answer: Any = documents.s3.get_object(Bucket=documents.bucket, Key=key)
        if answer["ContentLength"] > MAX_CLAIM_BYTES:
            answer["Body"].close()
            raise InvalidClaim(
                f"{uri} has {answer['ContentLength']:,} bytes; a stream record has {MAX_CLAIM_BYTES:,} at most"
            )
        return bytes(answer["Body"].read())

    try:
        return documents.patience().call(get)
    except ClientError as error:
        if error_code(error) in _MISSING:
            raise InvalidClaim(f"{uri}: {error_code(error)}") from error
        raise
