"""A deployment to the local endpoint: what the tests that apply Terraform share."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import msgspec
import yaml

from infra.deploy.deployment import Deployment
from infra.functions import scheduled_functions
from infra.local.aws.endpoint import ACCOUNT
from infra.names import Names
from infra.settings import Settings, load
from tests.infra.terraform.answers import answers, as_scheduled, scheduled
from tests.infra.terraform.conftest import Configuration

ENVIRONMENT = "local"  # the names of both ways are then the same
NAMES = Names(ENVIRONMENT, ACCOUNT)


class Applying:
    """One deployment to the local endpoint, of a copy of the configuration, with a REST API as the door."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.unchanged = self.settings
        self.said: list[str] = []
        self.answers: dict[str, Any] = {}

    @property
    def settings(self) -> Settings:
        return load(ENVIRONMENT, self.configuration.pipeline_file)

    def make(self, aws_url: str) -> Settings:
        """Apply everything; the settings, with the throttle as the API returns it."""
        with pointing_to(aws_url):
            self.deployment = Deployment(
                ENVIRONMENT,
                self.settings.region,
                self.said.append,
                folder=self.configuration.folder,
                package=self.configuration.package,
            )
        self.deployment.prepare()
        self.outputs = self.deployment.deploy(lambda: True)
        self.answers = answers(NAMES)
        rate, burst = self.throttle()
        http = msgspec.structs.replace(self.settings.http, rate_per_second=rate, burst=burst)
        return msgspec.structs.replace(self.settings, http=http)

    def plan(self) -> dict[str, Any]:
        """What an apply would do now, as Terraform shows it in JSON."""
        file = str(self.configuration.root / "plan")
        terraform = self.deployment._terraform
        terraform.run("plan", *self.deployment._variables(), f"-out={file}")
        shown: dict[str, Any] = terraform.read_json("show", "-json", file)
        return shown

    def assert_nothing_to_do(self) -> None:
        assert_planned_empty(self.deployment)

    def change(self, **sections: dict[str, Any]) -> None:
        """Change pipeline.yaml, and deploy again."""
        change_settings(self.configuration, sections)
        self.deployment.deploy(lambda: True)

    def throttle(self) -> tuple[int, int]:
        """The rate a second and the burst of the stage."""
        gateway = boto3.client("apigateway")
        [api] = gateway.get_rest_apis()["items"]
        stage = gateway.get_stage(restApiId=api["id"], stageName=self.settings.http.stage)
        settings: dict[str, Any] = stage["methodSettings"]["*/*"]
        return settings["throttlingRateLimit"], settings["throttlingBurstLimit"]


class ApplyingHttp(Applying):
    """A deployment whose door is an HTTP API."""

    def throttle(self) -> tuple[int, int]:
        gateway = boto3.client("apigatewayv2")
        [api] = gateway.get_apis()["Items"]
        route: dict[str, Any] = gateway.get_stage(ApiId=api["ApiId"], StageName=self.settings.http.stage)[
            "DefaultRouteSettings"
        ]
        return route["ThrottlingRateLimit"], route["ThrottlingBurstLimit"]


def assert_planned_empty(deployment: Deployment) -> None:
    """Plan again. Terraform exits with status 2, which raises, where it would change something."""
    deployment._terraform.run("plan", "-detailed-exitcode", *deployment._variables())


def change_settings(configuration: Configuration, sections: Mapping[str, dict[str, Any]]) -> None:
    """Change sections of pipeline.yaml."""
    pipeline = yaml.safe_load(configuration.pipeline_file.read_text())
    for section, values in sections.items():
        pipeline[section] |= values
    configuration.pipeline_file.write_text(yaml.safe_dump(pipeline))


def set_options(configuration: Configuration, environment: str, text: str) -> None:
    """Write the file of Terraform variables of an environment."""
    options = configuration.folder / "environments" / f"{environment}.tfvars"
    options.parent.mkdir(exist_ok=True)
    options.write_text(text)


def assert_scheduled_as_python_has_it(settings: Settings, names: Names, schedules: dict[str, str]) -> None:
    topic = f"arn:aws:sns:{settings.region}:{ACCOUNT}:{names.prefix}-low"
    expected = {
        function.module: as_scheduled(function, schedules[function.module])
        for function in scheduled_functions(settings, names, topic)
    }
    assert scheduled(names, schedules) == expected


@contextmanager
def pointing_to(aws_url: str) -> Iterator[None]:
    """Let subprocesses begun from here find the local endpoint; this process has it in memory."""
    os.environ["AWS_ENDPOINT_URL"] = aws_url
    try:
        yield
    finally:
        del os.environ["AWS_ENDPOINT_URL"]
