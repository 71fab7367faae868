"""What every command needs: which environment, where it is, and how to fail."""

import os
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import click

from infra.names import Names
from infra.settings import Settings, load
from producers.explained import Explained

LOCAL: Final = "local"
URL_VARIABLE: Final = "SPILLWAY_URL"
ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL"
LOCAL_KEY: Final = "local"  # the access key that the greeting of `spillway run` sets
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class CommandError(Explained):
    """A command failed; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Context:
    """The environment that a command works on."""

    environment: str = LOCAL

    @property
    def is_local(self) -> bool:
        """Whether the environment is the pipeline on this machine."""
        return self.environment == LOCAL

    def settings(self) -> Settings:
        """The environment's settings.

        Raises:
            infra.settings.SettingsError: they cannot be read.
        """
        return load(self.environment)

    def names(self) -> Names:
        """The names of the environment's resources."""
        return Names(self.environment, str(self.client("sts").get_caller_identity()["Account"]))

    def client(
        self, service: str, *, attempts: int | None = None, region: str | None = None, connections: int = 10
    ) -> Any:
        """A client for one AWS service, from the standard AWS settings.

        For the local environment, what they leave open points to the pipeline on this machine. An endpoint that
        stands in for another environment's AWS is named, once, on standard error.

        Args:
            service: as boto3 names it.
            attempts: of a call at the most, for a caller that backs off by itself.
            region: of the client, for a service that has one endpoint; left out, the environment's.
            connections: that its pool keeps open at once.
        """
        import boto3  # noqa: PLC0415 (commands that need no AWS start quicker without)
        from botocore.config import Config  # noqa: PLC0415

        if self.is_local:
            os.environ.setdefault(ENDPOINT_VARIABLE, default_aws_url(self.settings()))
            os.environ.setdefault("AWS_ACCESS_KEY_ID", LOCAL_KEY)
            os.environ.setdefault("AWS_SECRET_ACCESS_KEY", LOCAL_KEY)
            os.environ.pop("AWS_PROFILE", None)  # the pipeline on this machine takes any credentials
        else:
            _name_endpoint(self.environment)
        os.environ["AWS_DEFAULT_REGION"] = self.region()  # the name that boto3 reads
        # A refused connection on this machine is final; across the network it may pass.
        attempts = attempts or (2 if self.is_local else 4)
        return boto3.client(  # type: ignore[call-overload]
            service,
            region,
            config=Config(
                retries={"total_max_attempts": attempts, "mode": "standard"}, max_pool_connections=connections
            ),
        )

    def region(self) -> str:
        """The region, from the standard AWS settings or pipeline.yaml."""
        import boto3  # noqa: PLC0415 (as above)

        return os.environ.get("AWS_REGION") or boto3.Session().region_name or self.settings().region

    @staticmethod
    def known_regions() -> frozenset[str]:
        """Every region of AWS in which Kinesis is offered."""
        import boto3  # noqa: PLC0415 (as above)

        session = boto3.Session()
        partitions = session.get_available_partitions()
        return frozenset(
            name for partition in partitions for name in session.get_available_regions("kinesis", partition)
        )

    def url(self, given: str | None = None) -> str:
        """Where events are posted: `--url`, `SPILLWAY_URL`, or the local pipeline's address.

        Args:
            given: with `--url`.

        Raises:
            CommandError: it is not known, or `SPILLWAY_URL` is the local pipeline's and the environment is another.
        """
        if given:
            return given
        url = os.environ.get(URL_VARIABLE)
        if url and not self.is_local and is_loopback(url):
            raise CommandError(
                f"{URL_VARIABLE} is {url}, the pipeline on this machine, and the environment is {self.environment}: "
                f"unset {URL_VARIABLE}, or give --url"
            )
        if url:
            return url
        if not self.is_local:
            raise CommandError(
                f"the address of {self.environment} is not known: give --url, or set {URL_VARIABLE} to the URL that "
                "`spillway deploy` printed"
            )
        return default_url(self.settings())


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def _name_endpoint(environment: str) -> None:
    """Say that another endpoint than AWS answers for an environment, once for a process."""
    overrides = sorted(name for name in os.environ if name.startswith(ENDPOINT_VARIABLE) and os.environ[name])
    if not overrides or os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return
    context = click.get_current_context(silent=True)
    if context is None or context.find_root().meta.setdefault("spillway.endpoint", False):
        return
    context.find_root().meta["spillway.endpoint"] = True
    for name in overrides:
        click.echo(f"{name} is {os.environ[name]}: that answers for {environment}, not AWS", err=True)


def default_url(settings: Settings) -> str:
    """Where the local pipeline takes events if nobody chose another port."""
    return f"http://127.0.0.1:{settings.local.http_port}/{settings.http.stage}/app"


def default_aws_url(settings: Settings) -> str:
    """Where the local pipeline serves the AWS APIs if nobody chose another port."""
    return f"http://127.0.0.1:{settings.local.aws_port}"
