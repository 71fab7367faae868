"""The account that the facts are asked of, and the record of what came of each fact.

`SPILLWAY_CONFORMANCE_LEDGER` names the ledger's file; where it is set, the account is the one of the standard AWS
settings (`make conform`), else it is that of this process (`make test`).
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.aws.endpoint import local_aws
from tests.conformance.account import Account
from tests.conformance.ledger import Ledger
from tests.conformance.local_account import LocalAccount
from tests.conformance.results import Result

REGION = "eu-west-2"
ELSEWHERE = "SPILLWAY_CONFORMANCE_LEDGER" in os.environ


@pytest.fixture(scope="session")
def elsewhere() -> bool:
    """Whether the account is not this process's own."""
    return ELSEWHERE


@pytest.fixture(scope="module")
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """The account; the module's LIMITS says whether the rate limits of Kinesis hold in the local one."""
    if ELSEWHERE:
        real = Account(
            Ledger(Path(os.environ["SPILLWAY_CONFORMANCE_LEDGER"])),
            patience_seconds=float(os.environ.get("SPILLWAY_CONFORMANCE_PATIENCE", "240")),
        )
        yield real
        problems = real.close()
        assert problems == [], "not deleted; run `make conform CLEAN=1`"
    else:
        with local_aws(REGION, getattr(request.module, "LIMITS", "off")):
            local = LocalAccount()
            yield local
            local.close()


@pytest.fixture(scope="module")
def local(account: Account) -> LocalAccount:
    """The account where it is this process's own; the test is skipped elsewhere."""
    if not isinstance(account, LocalAccount):
        pytest.skip("the local account only")
    return account


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Write down what came of a fact, where somebody asked for it."""
    report = yield
    path = os.environ.get("SPILLWAY_CONFORMANCE_RESULTS")
    marker = item.get_closest_marker("fact")
    if path and marker and (report.when == "call" or report.outcome != "passed"):
        observed = "" if report.passed else _one_line(call)
        result = Result.of(item, marker.kwargs, report.outcome, observed)
        with Path(path).open("a") as file:
            file.write(json.dumps(result.to_json()) + "\n")
    return report


def _one_line(call: pytest.CallInfo[None]) -> str:
    if call.excinfo is None:
        return ""
    text = str(call.excinfo.value).strip() or call.excinfo.typename
    return " ".join(text.split())[:200]
