"""What tests of every part share."""

import logging
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from moto import mock_aws
from moto.s3.models import S3Backend, s3_backends
from moto.server import ThreadedMotoServer

from tests.events_table import create_events_table
from tests.roles.plugin import pytest_configure, pytest_sessionfinish  # noqa: F401 (pytest looks for hooks here)

# How long an example takes depends on what else the machine does; tests judge results, not times.
settings.register_profile("spillway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("spillway")

if TYPE_CHECKING:
    from tests.archive.lake.lakes import Lake

REGION = "eu-west-2"


@pytest.fixture
def aws(monkeypatch):
    """AWS in memory, empty, with the standard settings for clients."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def events_table(aws):
    """A table with the keys of the events' one; its name."""
    create_events_table("events")
    return "events"


@pytest.fixture(scope="session")
def lake_endpoint() -> Iterator[str]:
    """AWS over HTTP, which pyarrow needs to read a lake; its URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def lake(lake_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> "Lake":
    """An empty lake."""
    from tests.archive.lake.lakes import Lake  # noqa: PLC0415 (loads DuckDB, which tests of other parts do without)

    # moto's server answers as it did at its first request, so it can't put into the S3 of a pipeline in this process.
    assert s3_backends.backend is S3Backend, "a local pipeline runs: test the lake in a module of its own"
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    request = urllib.request.Request(f"{lake_endpoint}/moto-api/reset", method="POST")  # noqa: S310 (loopback)
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    return Lake(lake_endpoint)
