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
from moto.core.common_models import BaseModel
from moto.core.utils import method_names_from_class

from infra.local.aws import dynamodb, kinesis, moto_fixes, s3, sqs
from infra.local.ports import require_free_port
from infra.local.same_origin import SameOriginOnly
from infra.local.store.store import Store, throwaway

ACCOUNT: Final = "123456789012"  # moto's
# What would lead clients elsewhere than to this process.
_LEADING_AWAY: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


@contextlib.contextmanager
def local_aws(region: str, limits: Literal["aws", "off"], store: Store | None = None) -> Iterator[None]:
    """Answer every AWS call of this process in the process itself, while the context lasts.

    Args:
        region: the default region of clients.
        limits: whether Kinesis has AWS's rate limits.
        store: where records, items, messages and objects are kept; without one, a store that is gone at the end.
    """
    overrides = {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
    with _environment(overrides), moto_fixes.installed():
        aws = mock_aws(config={"lambda": {"use_docker": False}})
        aws.start()
        try:
            with contextlib.ExitStack() as stack:
                held = store or stack.enter_context(throwaway())
                stack.enter_context(kinesis.installed(limits, store=held))
                for service in (dynamodb, sqs, s3):
                    stack.enter_context(service.installed(held))
                stack.enter_context(_quicker_dispatch())
                stack.enter_context(_without_tracking())
                yield
        finally:
            aws.stop()


def _quicker_dispatch() -> Any:
    """Let moto find out what methods a class has once, and not for every request (14 % of a POST's time)."""
    return patch.object(responses, "method_names_from_class", functools.cache(method_names_from_class))


def _without_tracking() -> Any:
    """Keep moto from keeping every object it ever made: an item that was read, a message, a page of a listing."""
    return patch.object(BaseModel, "__new__", lambda cls, *_args, **_kwargs: object.__new__(cls))


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
