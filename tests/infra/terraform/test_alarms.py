"""Every failure has an alarm, every alarm a section of the runbook, and one fault is one page."""

import json
import re
from functools import cache
from typing import Any

import pytest

from infra.deploy.package import ROOT

RELIABILITY = ROOT / "docs" / "reliability.md"
RUNBOOK = ROOT / "docs" / "runbooks" / "alarms.md"
PREFIX = "spillway-prod-"
SILENT = "any-high"  # notifies nobody, which operation.tftest.hcl checks


@cache
def failures() -> dict[str, tuple[str, ...]]:
    """What fails, from the table in docs/reliability.md, and the alarms in its last column."""
    text = RELIABILITY.read_text()
    page_table = text[text.index("| where | what fails |") :].split("\n\n")[0]
    rows = [line.strip("|").split("|") for line in page_table.splitlines() if line.startswith("| ")]
    [header, *table] = [[cell.strip() for cell in row] for row in rows]
    assert (header[1], header[-1]) == ("what fails", "alarms")
    return {f"{row[0]}: {row[1]}": tuple(re.findall(r"`([a-z0-9-]+)`", row[-1])) for row in table}


class Planned:
    """The alarms that Terraform plans."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self.metric = _by_name(resources, "aws_cloudwatch_metric_alarm")
        self.composite = _by_name(resources, "aws_cloudwatch_composite_alarm")

    def pages(self, alarms: tuple[str, ...]) -> list[str]:
        """Which composite alarms notify someone while exactly these are raised."""
        raised = set(alarms)
        while more := {key for key in self.composite if key not in raised and self._holds(key, raised)}:
            raised |= more
        notifying = [key for key in self.composite if key in raised and key != SILENT]
        return [key for key in notifying if self._suppressor(key) not in raised]

    def _holds(self, key: str, raised: set[str]) -> bool:
        terms = re.findall(r'ALARM\("([^"]+)"\)', self.composite[key]["alarm_rule"])
        assert " OR ".join(f'ALARM("{term}")' for term in terms) == self.composite[key]["alarm_rule"]
        return any(term.removeprefix(PREFIX) in raised for term in terms)

    def _suppressor(self, key: str) -> str | None:
        suppressors = self.composite[key].get("actions_suppressor") or []
        return suppressors[0]["alarm"].removeprefix(PREFIX) if suppressors else None


def _by_name(resources: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    values = [resource["change"]["after"] for resource in resources if resource["type"] == kind]
    return {value["alarm_name"].removeprefix(PREFIX): value for value in values}


@pytest.fixture(scope="module")
def planned(module_configuration) -> Planned:
    said = module_configuration.terraform("test", "-json", "-verbose", "-filter=tests/operation.tftest.hcl")
    messages = [json.loads(line) for line in said.splitlines()]
    [plan] = [m["test_plan"] for m in messages if m["type"] == "test_plan" and m["@testrun"] == "operation"]
    return Planned(plan["resource_changes"])


def test_every_failure_has_alarms():
    assert len(failures()) > 20
    assert [failure for failure, alarms in failures().items() if not alarms] == []


@pytest.mark.slow
def test_the_alarms_of_every_failure_are_made(planned):
    named = {alarm for alarms in failures().values() for alarm in alarms}
    assert named - set(planned.metric) == set()


@pytest.mark.slow
@pytest.mark.parametrize("failure", list(failures()))
def test_one_fault_is_one_page(planned, failure):
    assert len(planned.pages(failures()[failure])) == 1


@pytest.mark.slow
def test_a_failure_of_everything_alarms_where_it_is_felt_first(planned):
    key_lost = ("api-5xx", "table-writer-errors", "archive-freshness", "parked-messages", "events-poison")
    assert planned.pages(key_lost) == ["intake-high"]
    assert planned.pages((*key_lost, "records-lost")) == ["intake-high", "loss-high"]


@pytest.mark.slow
def test_what_alarms_cost_is_counted(planned):
    """AWS bills an alarm by the metrics in it, as docs/deployment.md does."""
    queries = [alarm["metric_query"] for alarm in planned.metric.values()]
    metrics = sum(sum(bool(query["metric"]) for query in each) if each else 1 for each in queries)
    metrics += 2 * sum(alarm["threshold_metric_id"] is not None for alarm in planned.metric.values())  # a band has two
    line = f"| {len(planned.metric)} alarms on {metrics} metrics, {len(planned.composite)} alarms on alarms |"
    assert line in (ROOT / "docs" / "deployment.md").read_text()


@pytest.mark.slow
def test_every_alarm_has_its_section_in_the_runbook(planned):
    sections = set(re.findall(r"^### (.+)$", RUNBOOK.read_text(), re.MULTILINE))
    named = {
        re.search(r"docs/runbooks/alarms\.md#([a-z0-9-]+)$", alarm["alarm_description"])[1]  # type: ignore[index]
        for alarm in planned.metric.values()
    }
    assert named == sections


def test_every_link_of_the_runbook_leads_somewhere():
    text = RUNBOOK.read_text()
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) - headings == set()
