"""What lasts for a while: a key that is disabled, a reader that stands still, a process that is down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

# Of each service: the error of a call whose key is disabled (API references of the services, 2026).
KMS: Final = {
    "kinesis": "KMSDisabledException",
    "sqs": "KmsDisabled",
    "s3": "KMS.DisabledException",
    "dynamodb": "AccessDeniedException",
}
NEEDS_KEY: Final = ("Get", "Put", "Batch", "Send", "Receive", "Update", "Delete", "Scan")
NO_KEY: Final = ("GetShardIterator", "UpdateShardCount", "GetQueueUrl", "GetQueueAttributes", "DeleteMessageBatch")

READERS: Final = {"table": "read shardId-", "lake": "firehose "}  # how the names of the actors begin that read


@dataclass(slots=True)
class Outages:
    """What fails at present, whoever calls.

    Args:
        elapsed: the simulated seconds since the beginning.
        is_down: whether no process answers.
    """

    elapsed: Callable[[], float]
    is_down: bool = False
    _kms_until: float = 0.0
    _standing_until: dict[str, float] = field(default_factory=dict)

    def disable_key(self, seconds: float) -> None:
        """Let every call that needs the key fail for so long."""
        self._kms_until = max(self._kms_until, self.elapsed() + seconds)

    def stand_still(self, reader: str, seconds: float) -> None:
        """Let a reader of the stream get nothing for so long: `table` or `lake`."""
        self._standing_until[reader] = self.elapsed() + seconds

    def end(self) -> None:
        """From now on nothing fails."""
        self._kms_until = 0.0
        self._standing_until.clear()

    def error_of(self, actor: str, service: str, operation: str) -> str | None:
        """The error that a call gets because of an outage; None for none."""
        now = self.elapsed()
        if operation == "GetRecords":
            for reader, prefix in READERS.items():
                if actor.startswith(prefix) and now < self._standing_until.get(reader, 0.0):
                    return "InternalFailure"
        if now < self._kms_until and operation.startswith(NEEDS_KEY) and operation not in NO_KEY:
            return KMS.get(service)
        return None
