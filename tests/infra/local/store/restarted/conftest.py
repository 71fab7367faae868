"""The account of the suites in this folder."""

from collections.abc import Iterator

import pytest

from tests.infra.local.store.restarted.restarting_account import RestartingAccount


@pytest.fixture(scope="module")
def elsewhere() -> bool:
    return False


@pytest.fixture(scope="module")
def account(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestartingAccount]:
    restarting = RestartingAccount(tmp_path_factory.mktemp("restarted") / "data")
    with restarting.running(getattr(request.module, "LIMITS", "off")):
        yield restarting
        restarting.close()
    assert restarting.restarts > 1


@pytest.fixture(scope="module")
def local(account: RestartingAccount) -> RestartingAccount:
    return account
