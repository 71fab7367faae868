"""What tests of the commands share."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from producers.aws import client


@pytest.fixture
def no_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No AWS settings but what a test sets; no waits between tries."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SPILLWAY_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")  # so that what a command sets goes with the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None, time=time.time))
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    client.cache_clear()
