"""What came of each fact, and the page that shows it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pytest

NOT_RUN: Final = "not run"
_ROW: Final = re.compile(r"^\| (?!Fact )(?P<statement>[^|]+?) \| [^|]* \| [^|]* \| (?P<aws>[^|]*?) \|$")
SERVICES: Final = {
    "dynamodb": "DynamoDB",
    "sqs": "SQS",
    "s3": "S3",
    "gateway rest": "REST API",
    "gateway http": "HTTP API",
}

HEAD: Final = """# Conformance

Facts of AWS that the pipeline depends on. Each is a test in `tests/conformance/`, written against boto3 and HTTP alone.

- `make test` asks them of the local pipeline: the column "Local".
- `make conform` asks them of the AWS account of the standard settings, and writes this page: the column "AWS".

"{not_run}" in the column "AWS": nobody has run it there yet. The sources are keys of `tests/conformance/facts.py`.
"Unsure" marks a fact that the sources do not settle. The test then accepts every behaviour that they allow.

"""


@dataclass(frozen=True, slots=True)
class Result:
    """One fact: what it says, where that comes from, and what was observed.

    Args:
        service: such as `kinesis`, from the test's module.
        statement: the fact in words.
        source: where it comes from.
        unsure: whether its sources leave several behaviours open.
        outcome: `passed`, `failed` or `skipped`.
        observed: what was seen instead, in one line.
    """

    service: str
    statement: str
    source: str
    unsure: bool
    outcome: str
    observed: str

    @classmethod
    def of(cls, item: pytest.Item, marked: Mapping[str, Any], outcome: str, observed: str) -> "Result":
        return cls(*describe(item, each=marked["each"]), marked["source"], marked["unsure"], outcome, observed)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def describe(item: pytest.Item, *, each: bool) -> tuple[str, str]:
    """The service and the statement of a fact, from its module's and its own name; its value, where each is one."""
    name, _, value = item.name.partition("[")
    statement = name.removeprefix("test_").replace("_", " ")
    service = item.path.stem.removeprefix("test_").replace("_", " ")
    shown = f"{statement} ({value.removesuffix(']')})" if value and each else statement
    return SERVICES.get(service, service.capitalize()), shown.replace("|", "/")


def read_results(path: Path) -> list[Result]:
    """The results a run wrote; a fact that is asked several times holds where it holds every time."""
    results: dict[tuple[str, str], Result] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            result = Result(**json.loads(line))
            key = result.service, result.statement
            if key not in results or result.outcome == "failed":
                results[key] = result
    return list(results.values())


def recorded_on_aws(page: Path) -> dict[tuple[str, str], str]:
    """What the page says of AWS so far, by service and statement."""
    recorded = {}
    service = ""
    for line in page.read_text().splitlines() if page.exists() else []:
        if line.startswith("## "):
            service = line.removeprefix("## ").rpartition(" (")[0]
        elif found := _ROW.match(line):
            recorded[service, found["statement"]] = found["aws"]
    return recorded


def page_of(local: Iterable[Result], aws: Mapping[tuple[str, str], str]) -> str:
    """The page, from what the local pipeline does and what is known of AWS."""
    services: dict[str, list[Result]] = {}
    for result in local:
        services.setdefault(result.service, []).append(result)
    total = sum(map(len, services.values()))
    parts = [HEAD.format(not_run=NOT_RUN), f"{total} facts, by service:\n"]
    for service, results in sorted(services.items()):
        parts.append(f"\n## {service} ({len(results)})\n\n| Fact | Source | Local | AWS |\n|---|---|---|---|\n")
        for result in results:
            source = result.source + (", unsure" if result.unsure else "")
            known = aws.get((service, result.statement), NOT_RUN)
            parts.append(f"| {result.statement} | {source} | {shown(result)} | {known} |\n")
    return "".join(parts)


def shown(result: Result) -> str:
    """A result in a cell of the table."""
    if result.outcome == "passed":
        return "as stated"
    if result.outcome == "skipped":
        return "not asked: " + result.observed.removeprefix("Skipped: ")
    return f"**differs**: {result.observed}".replace("|", "/")


def deviations(results: Iterable[Result]) -> str:
    """The facts that do not hold, as a table for the terminal."""
    rows = [result for result in results if result.outcome == "failed"]
    if not rows:
        return "No deviations."
    width = max(len(f"{row.service}: {row.statement}") for row in rows)
    return "\n".join(f"{f'{row.service}: {row.statement}':{width}}  {row.observed}  {row.source}" for row in rows)
