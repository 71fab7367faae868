"""The errors of Kinesis as moto sends them: an AWS exception name and a message, HTTP status 400."""

from moto.core.exceptions import JsonRESTError


class InvalidArgument(JsonRESTError):
    """An argument is well formed and yet cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidArgumentException", message)


class Invalid(JsonRESTError):
    """An argument breaks a constraint of the service's model."""

    def __init__(self, member: str, constraint: str, value: object = None) -> None:
        shown = "" if value is None else f" '{value}'"
        super().__init__(
            "ValidationException",
            f"1 validation error detected: Value{shown} at '{member}' failed to satisfy constraint: "
            f"Member must {constraint}",
        )


class NotFound(JsonRESTError):
    """No such stream, or no such shard in it, or no longer."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


class InUse(JsonRESTError):
    """The stream is not ACTIVE, or its name is taken."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUseException", message)


class LimitExceeded(JsonRESTError):
    """A quota of the control plane is used up."""

    def __init__(self, message: str) -> None:
        super().__init__("LimitExceededException", message)


class ThroughputExceeded(JsonRESTError):
    """A shard takes or gives no more for now; PutRecords says the same of single records, without an exception."""

    TYPE = "ProvisionedThroughputExceededException"

    def __init__(self, shard_id: str, label: str) -> None:
        super().__init__(self.TYPE, self.text(shard_id, label))

    @staticmethod
    def text(shard_id: str, label: str) -> str:
        """The message, which names the shard and the stream."""
        return f"Rate exceeded for shard {shard_id} in {label}."


class ExpiredIterator(JsonRESTError):
    """A shard iterator was kept for longer than five minutes."""

    def __init__(self, message: str) -> None:
        super().__init__("ExpiredIteratorException", message)


class ExpiredNextToken(JsonRESTError):
    """The token of a page of ListShards was kept for longer than five minutes."""

    def __init__(self, message: str) -> None:
        super().__init__("ExpiredNextTokenException", message)


class OnDemandStream(JsonRESTError):
    """Only a provisioned stream is split, merged and scaled by its owner."""

    def __init__(self, label: str) -> None:
        super().__init__("ValidationException", f"Request is invalid. Stream {label} is in On-Demand mode.")


class NotBase64(JsonRESTError):
    """The data of a record is not base64."""

    def __init__(self) -> None:
        super().__init__("SerializationException", "The data of a record is not base64.")
