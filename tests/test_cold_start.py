"""What a cold start imports: counted in modules, since time depends on the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Never needed to serve an event: each costs 20 ms to a second.
HEAVY = {
    "aws_lambda_powertools",
    "aws_xray_sdk",
    "boto3",
    "duckdb",
    "flask",
    "google.protobuf",
    "infra",
    "jsonschema",
    "jsonschema_rs",
    "moto",
    "numpy",
    "pyarrow",
    "pydantic",
    "rich",
    "s3transfer",
    "yaml",
}
# Modules after the first event, as measured on Python 3.11, and a tenth more.
BUDGET = {
    "producers.http_api": 387,
    "consumers.table_writer": 387,
    "archive.firehose_transform": 311,
    "archive.dead_letter_archiver": 387,
}

FIRST_EVENT = """
import importlib, json, os, sys
from tests.cold_start_events import EVENTS, ENVIRONMENT, answer_locally
os.environ.update(ENVIRONMENT)
before = set(sys.modules)
module = importlib.import_module(sys.argv[1])
answer_locally()
module.handler(EVENTS[sys.argv[1]], type("Context", (), {"get_remaining_time_in_millis": lambda self: 60_000})())
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("module", BUDGET)
def test_a_first_event_imports_nothing_heavy_and_not_much_in_all(module):
    done = subprocess.run(
        [sys.executable, "-c", FIRST_EVENT, module], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    modules = set(json.loads(done.stderr.splitlines()[-1]))
    heavy = {name for name in HEAVY if any(m == name or m.startswith(name + ".") for m in modules)}
    assert not heavy
    assert len(modules) <= BUDGET[module]
