"""A fact: something that AWS does and the pipeline depends on, with the source that says so."""

import re
from typing import Final

import pytest

# Where facts come from. A source is one of these keys, and what to look for there.
SOURCES: Final = {
    "m": "the service's model in botocore: operation or shape",
    "KDS-quota": "Kinesis Data Streams developer guide, quotas and limits (2026)",
    "KDS-guide": "Kinesis Data Streams developer guide, after-resharding and other pages",
    "ESM-fail": "Lambda developer guide, on-failure destinations of Kinesis mappings",
    "ESM-partial": "Lambda developer guide, partial batch responses for Kinesis",
    "L23": "Lambda developer guide, version of 2023",
    "LS": "a LocalStack snapshot recorded against real AWS",
    "FH23": "Firehose developer guide, version of 2023",
    "FH-capture": "an event or object captured from a real delivery stream",
    "floci": "the floci emulator, whose authors probed real AWS in July to September 2026",
    "drift": "the cdk-real-drift corpus: live deployments read back in 2026",
    "tf": "an issue of the AWS provider for Terraform",
    "doc": "a page of the AWS documentation",
    "numbers": "numbers written to and read from real DynamoDB tables (extenddb, dynoxide, scylladb; 2026)",
    "ministack": "the ministack emulator, whose author verified the rule on AWS on 2026-06-01",
    "kinesalite": "the kinesalite emulator, whose tests ran against real AWS",
    "dynalite": "the dynalite emulator, whose tests ran against real AWS",
    "capture": "an HTTP answer captured by a client of API Gateway",
    "athena": "Athena user guide",
}
_SOURCE: Final = re.compile(r"\[([\w-]+)(?: [^\]]*)?\]")


def fact(source: str, *, unsure: bool = False, each: bool = False) -> pytest.MarkDecorator:
    """Mark a test as a fact. Its name is the statement.

    Args:
        source: where the fact comes from, such as `[m kinesis PutRecords]`.
        unsure: the sources do not settle it; the test accepts every behaviour that they allow.
        each: every value of a parametrised test is a fact of its own.
    """
    keys = _SOURCE.findall(source)
    if not keys or (unknown := set(keys) - SOURCES.keys()):
        raise ValueError(f"{source!r} names no known source{': ' + ', '.join(unknown) if keys else ''}")
    return pytest.mark.fact(source=source, unsure=unsure, each=each)
