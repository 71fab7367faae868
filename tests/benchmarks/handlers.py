"""The handlers that are measured, Spillway's and the baselines', loaded as Lambda would load them."""

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from infra.functions import Function, functions
from infra.local.lambda_context import LambdaContext
from infra.names import Names
from infra.settings import load as load_settings
from producers.clock import SYSTEM_CLOCK
from tests.benchmarks.fake_aws import FakeAws

BASELINES: Final = "tests.benchmarks.baselines"

Handler = Callable[[dict[str, Any], Any], Any]


def configured(aws_url: str) -> dict[str, Function]:
    """The four functions as pipeline.yaml sizes them, by module."""
    queue_url = f"{aws_url}/123456789012/dead-letters"
    return {f.module: f for f in functions(load_settings("dev"), Names("dev", "123456789012"), queue_url)}


def environment(aws: FakeAws) -> dict[str, str]:
    """Every environment variable that a handler of either kind reads."""
    settings = {"POWERTOOLS_METRICS_NAMESPACE": "Bench", "POWERTOOLS_SERVICE_NAME": "bench", "BUCKET": "bench"}
    for function in configured(aws.url).values():
        settings |= function.environment
    return settings | aws.environment()


def load(module: str, aws: FakeAws) -> Handler:
    """A handler by its module, such as `producers.http_api`, or `.http_minimal` of the baselines."""
    os.environ.update(environment(aws))
    handler: Handler = importlib.import_module(module, BASELINES).handler
    return handler


def context() -> LambdaContext:
    """The context of an invocation that has a minute left."""
    return LambdaContext(
        aws_request_id="8f1c7d5e-0000-4000-8000-000000000000",
        function_name="bench",
        memory_limit_in_mb="512",
        invoked_function_arn="arn:aws:lambda:eu-west-2:123456789012:function:bench",
        log_group_name="/aws/lambda/bench",
        log_stream_name="2026/11/23/[$LATEST]0",
        deadline=time.monotonic() + 60,
        clock=SYSTEM_CLOCK,
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let log lines and metrics go to /dev/null, where writing them costs what writing costs, and no terminal more."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
