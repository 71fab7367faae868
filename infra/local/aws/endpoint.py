"""The AWS APIs of this process: moto for clients made in it, and the same served over HTTP on the loopback."""

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Iterator
from typing import Any, Final, Literal
from unittest.mock import patch

from moto import mock_aws
from moto.core import responses
from moto.core.utils import method_names_from_class

from infra.local.aws import dynamodb, kinesis, sqs
from infra.local.ports import require_free_port
from infra.local.same_origin import SameOriginOnly

ACCOUNT: Final = "123456789012"  # moto's
# What would lead clients elsewhere than to this process.
_LEADING_AWAY: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


@contextlib.contextmanager
def local_aws(region: str, limits: Literal["aws", "off"]) -> Iterator[None]:
    """Answer every AWS call of this process in the process itself, while the context lasts.

    Args:
        region: the default region of clients.
        limits: whether Kinesis has AWS's rate limits.
    """
    overrides = {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
    with _environment(overrides):
        aws = mock_aws(config={"lambda": {"use_docker": False}})
        aws.start()
        try:
            with kinesis.installed(limits), dynamodb.installed(), sqs.installed(), _quicker_dispatch():
                yield
        finally:
            aws.stop()


def _quicker_dispatch() -> Any:
    """Let moto find out what methods a class has once, and not for every request (14 % of a POST's time)."""
    return patch.object(responses, "method_names_from_class", functools.cache(method_names_from_class))


class AwsEndpoint:
    """Serves this process's AWS APIs over HTTP, for the AWS CLI, Terraform and the commands of Spillway.

    Args:
        port: on 127.0.0.1; 0 takes any free one.
    """

    def __init__(self, port: int) -> None:
        require_free_port(port, "--aws-port")
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415
        from werkzeug.serving import make_server  # noqa: PLC0415

        application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", port, SameOriginOnly(application), threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws-endpoint", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def _environment(overrides: dict[str, str]) -> Iterator[None]:
    """Set environment variables, drop those that would lead clients away, and restore all at the end."""
    before = dict(os.environ)
    for name in [n for n in os.environ if n in _LEADING_AWAY or n.startswith("AWS_ENDPOINT_URL")]:
        del os.environ[name]
    os.environ.update(overrides)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
