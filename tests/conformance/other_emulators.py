"""`make other-emulators`: ask the facts of kinesalite and dynalite, which others tested against AWS.

A fact that they and the local pipeline answer differently is either an error here or one of theirs; theirs are listed.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.conformance.__main__ import run_facts
from tests.conformance.results import Result

KNOWN: Final = Path(__file__).with_name("other_emulators.json")  # by emulator, the facts that it answers otherwise
START_SECONDS: Final = 30
ASKED: Final = {
    "kinesalite": ("KINESIS", "test_kinesis and not test_kinesis_limits"),
    "dynalite": ("DYNAMODB", "test_dynamodb"),
}


def main() -> int:
    """Run both; 0 where each deviates in exactly what the list says."""
    parser = argparse.ArgumentParser(prog="make other-emulators")
    parser.add_argument("modules", type=Path, help="node_modules with kinesalite and dynalite in it")
    parser.add_argument(
        "--write", action="store_true", help="write the list of deviations instead of comparing with it"
    )
    options = parser.parse_args()
    found = {name: deviating(name, options.modules) for name in ASKED}
    if options.write:
        KNOWN.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    known = json.loads(KNOWN.read_text())
    for name, statements in found.items():
        for statement in sorted(set(statements) - set(known[name])):
            print(f"{name} newly deviates: {statement}")
        for statement in sorted(set(known[name]) - set(statements)):
            print(f"{name} deviates no longer: {statement}")
        print(f"{name}: {len(statements)} deviations, {len(known[name])} of them known")
    return 0 if found == known else 1


def deviating(name: str, modules: Path) -> list[str]:
    """The facts that an emulator answers otherwise, in order."""
    service, only = ASKED[name]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(["node", str(modules / name / "cli.js"), "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        _until_served(port)
        os.environ |= {
            f"AWS_ENDPOINT_URL_{service}": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SPILLWAY_CONFORMANCE_PATIENCE": "10",
        }
        with tempfile.TemporaryDirectory() as directory:
            results = run_facts(only, ledger=Path(directory) / "ledger.jsonl").results
    finally:
        process.terminate()
        process.wait(timeout=10)
    print(f"{name}: {sum(each.outcome == 'passed' for each in results)} of {len(results)} facts as stated")
    return sorted(_named(each) for each in results if each.outcome == "failed")


def _named(result: Result) -> str:
    return f"{result.service}: {result.statement}"


def _until_served(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
