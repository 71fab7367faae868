"""The names of everything the pipeline consists of, from the environment and the account alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one environment's resources. Terraform's `locals` gives the same; a test compares them.

    Args:
        environment: such as `local`, `dev` or `prod`.
        account: the AWS account's 12 digits; bucket names carry it, since they are global.
    """

    environment: str
    account: str

    @property
    def prefix(self) -> str:
        return f"spillway-{self.environment}"

    @property
    def stream(self) -> str:
        return f"{self.prefix}-events"

    @property
    def table(self) -> str:
        return f"{self.prefix}-events"

    @property
    def idempotency_table(self) -> str:
        return f"{self.prefix}-idempotency"

    @property
    def delivery_stream(self) -> str:
        return f"{self.prefix}-archive"

    @property
    def dead_letter_queue(self) -> str:
        return f"{self.prefix}-dead-letters"

    @property
    def parked_queue(self) -> str:
        return f"{self.prefix}-dead-letters-parked"

    @property
    def lake_bucket(self) -> str:
        return f"{self.prefix}-lake-{self.account}"

    @property
    def dead_letter_bucket(self) -> str:
        return f"{self.prefix}-dead-letters-{self.account}"

    @property
    def athena_bucket(self) -> str:
        return f"{self.prefix}-athena-{self.account}"

    @property
    def database(self) -> str:
        return f"spillway_{self.environment}".replace("-", "_")

    def function(self, module: str) -> str:
        """The name of the Lambda whose handler is in `module`, such as `producers.http_api`."""
        return f"{self.prefix}-{module.rpartition('.')[2].replace('_', '-')}"
