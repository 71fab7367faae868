"""`make conform`: ask the facts of a real AWS account, print what deviates, and write docs/conformance.md."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance.cost import cost_dollars, cost_text
from tests.conformance.ledger import Ledger
from tests.conformance.removing import remove_all
from tests.conformance.results import Result, deviations, page_of, read_results, recorded_on_aws, shown

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "conformance.md"
LEDGER: Final = ROOT / ".conformance-ledger.jsonl"
TESTS: Final = Path(__file__).parent
LONGEST_MINUTES: Final = 50  # a run that takes longer is stopped, and cleaned up after


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the facts: what came of each, and the exit status of pytest."""

    results: list[Result]
    status: int


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 where every fact held and everything was deleted."""
    options = _options(arguments)
    ledger = Ledger(options.ledger)
    if options.clean:
        return _clean(ledger)
    if options.local:
        return _write_page({})
    if ledger.remaining():
        print(f"{options.ledger} lists resources of a run that was killed. Delete them: make conform CLEAN=1")
        return 1
    account = _account()
    if account is None:
        return 1
    print(f"Account {account}. At most {cost_dollars():.2f} dollars, {LONGEST_MINUTES} minutes. {cost_text()}")
    if not options.yes and input("Go on? [y/N] ").strip().lower() != "y":
        return 1
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run = run_facts(options.only, ledger=options.ledger)
        print(deviations(run.results))
        if not options.no_page:
            today = f"{datetime.now(UTC):%Y-%m-%d}"
            _write_page({(each.service, each.statement): f"{shown(each)} ({today})" for each in run.results})
    finally:
        left = _clean(ledger)
    return left or run.status


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt  # the facts' process is then killed, and what it created is deleted


def run_facts(only: str = "", *, ledger: Path | None = None) -> Run:
    """Run the facts in a process of their own.

    Args:
        only: as pytest's -k.
        ledger: makes the account that of the standard AWS settings; None asks the local one.
    """
    with tempfile.TemporaryDirectory() as directory:
        results = Path(directory) / "results.jsonl"
        environment = os.environ | {"SPILLWAY_CONFORMANCE_RESULTS": str(results)}
        environment.pop("SPILLWAY_CONFORMANCE_LEDGER", None)
        if ledger is not None:
            environment["SPILLWAY_CONFORMANCE_LEDGER"] = str(ledger)
        command = [sys.executable, "-m", "pytest", str(TESTS), "-m", "fact", "-p", "no:cacheprovider", "--no-header"]
        command += ["--tb=no", "-k", only] if only else ["--tb=no"]
        try:
            status = subprocess.run(
                command, cwd=ROOT, env=environment, check=False, timeout=LONGEST_MINUTES * 60
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"Stopped after {LONGEST_MINUTES} minutes.")
            status = 1
        return Run(read_results(results), status)


def _write_page(aws: dict[tuple[str, str], str]) -> int:
    local = run_facts()
    PAGE.write_text(page_of(local.results, recorded_on_aws(PAGE) | aws))
    print(f"Wrote {PAGE.relative_to(ROOT)}: {len(local.results)} facts.")
    return local.status


def _clean(ledger: Ledger) -> int:
    problems = remove_all(ledger)
    for problem in problems:
        print(f"Not deleted: {problem}")
    print(
        "Some resources are left; run `make conform CLEAN=1` again." if problems else "Nothing is left in the account."
    )
    return 1 if problems else 0


def _account() -> str | None:
    try:
        return str(boto3.client("sts").get_caller_identity()["Account"])
    except (ClientError, BotoCoreError) as error:
        print(f"AWS cannot be reached: {error}. Set AWS_PROFILE and AWS_REGION, then run this again.")
        return None


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make conform", description="Ask the facts of a real AWS account.")
    parser.add_argument(
        "--clean", action="store_true", help="delete what a killed run left behind, and do nothing else"
    )
    parser.add_argument("--local", action="store_true", help="ask the local pipeline only, and write the page")
    parser.add_argument("--only", default="", help="some facts only, as pytest's -k: 'kinesis or sqs'")
    parser.add_argument("--yes", action="store_true", help="do not ask before creating resources")
    parser.add_argument("--no-page", action="store_true", help="do not write docs/conformance.md")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help="the file that lists what was created")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
