"""The runbook of alarms: each of its commands runs, on the local pipeline in place of the environment dev."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, RunningPipeline, end, start
from tests.markdown_commands import Command, commands, run_all

RUNBOOK = ROOT / "docs" / "runbooks" / "alarms.md"
HERE = {  # what the page says, for the local pipeline
    "spillway-dev": "spillway-local",
    "--env dev": "--env local",
    "aws sqs": "aws --endpoint-url $AWS_ENDPOINT_URL sqs",  # version 1 of the command overlooks the variable for SQS
}
NOT_HERE = (  # moto does not have them
    "aws lambda get-account-settings",
    "aws sqs start-message-move-task",
    "aws backup list-backup-jobs",
)


@pytest.fixture
def pipeline() -> Iterator[RunningPipeline]:
    """A pipeline, with the key and the log group that only Terraform makes."""
    running = start()
    kms = running.client("kms")
    kms.create_alias(AliasName="alias/spillway-local", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    running.client("logs").create_log_group(logGroupName="/aws/lambda/spillway-local-table-writer")
    yield running
    end(running)


@pytest.mark.slow
def test_every_command_runs(pipeline: RunningPipeline, tmp_path: Path):
    found = [_here(command) for command in commands(RUNBOOK) if not command.text.startswith(NOT_HERE)]
    ran = run_all(found, folder=tmp_path, environment=pipeline.terminal())
    assert len(ran) == len(commands(RUNBOOK)) - len(NOT_HERE)
    assert '"request_id"' in next(each.output for each in ran if " post " in each.command.text)


def _here(command: Command) -> Command:
    text = command.text
    for there, here in HERE.items():
        text = text.replace(there, here)
    return replace(command, text=text)
