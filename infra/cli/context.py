"""What every command needs: which environment, where it is, and how to fail."""

import os
from dataclasses import dataclass
from typing import Any, Final

from infra.names import Names
from infra.settings import Settings, SettingsError, load

LOCAL: Final = "local"
URL_VARIABLE: Final = "SPILLWAY_URL"


class CommandError(Exception):
    """A command failed; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Context:
    """The environment that a command works on."""

    environment: str

    @property
    def is_local(self) -> bool:
        """Whether the environment is the pipeline on this machine."""
        return self.environment == LOCAL

    def settings(self) -> Settings:
        """The environment's settings.

        Raises:
            CommandError: they cannot be read.
        """
        try:
            return load(self.environment)
        except SettingsError as error:
            raise CommandError(str(error)) from error

    def names(self) -> Names:
        """The names of the environment's resources."""
        return Names(self.environment, str(self.client("sts").get_caller_identity()["Account"]))

    def client(self, service: str) -> Any:
        """A client for one AWS service, from the standard AWS settings.

        For the local environment, what they leave open points to the pipeline on this machine.
        """
        import boto3  # noqa: PLC0415 (commands that need no AWS start quicker without)

        if self.is_local:
            os.environ.setdefault("AWS_ENDPOINT_URL", default_aws_url(self.settings()))
            os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
            os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
        os.environ.setdefault("AWS_DEFAULT_REGION", os.environ.get("AWS_REGION", self.settings().region))
        return boto3.client(service)  # type: ignore[call-overload]

    def url(self) -> str:
        """Where events are posted: `SPILLWAY_URL`, or the local pipeline's address.

        Raises:
            CommandError: it is not known.
        """
        if url := os.environ.get(URL_VARIABLE):
            return url
        if not self.is_local:
            raise CommandError(f"where is {self.environment}? Give --url, or set {URL_VARIABLE} to the stage's URL")
        return default_url(self.settings())


def default_url(settings: Settings) -> str:
    """Where the local pipeline takes events if nobody chose another port."""
    return f"http://127.0.0.1:{settings.local.http_port}/{settings.http.stage}/app"


def default_aws_url(settings: Settings) -> str:
    """Where the local pipeline serves the AWS APIs if nobody chose another port."""
    return f"http://127.0.0.1:{settings.local.aws_port}"
