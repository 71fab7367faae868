"""What the tests of a whole stream mapping share."""

from collections.abc import Iterator

import pytest

from tests.infra.local.event_sources.mapping_machine import Machine, machine_with_two_shards


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with machine_with_two_shards() as machine:
        yield machine
