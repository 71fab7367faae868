"""Deploying an environment to AWS, and taking it down: what `spillway deploy` and `spillway destroy` do."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from archive.lake.tables import TERRAFORM_FILE
from infra.deploy.lake_file import write_lake_file
from infra.deploy.notices import notices
from infra.deploy.package import PACKAGE_FILE, ROOT
from infra.deploy.preflight import PreflightError, check_plan, identify, standing_shards
from infra.deploy.terraform import Terraform
from infra.deploy.versions import KEPT_VERSIONS, delete_old_versions
from infra.names import Names
from producers.explained import Explained
from producers.validation import load_schema

FOLDER: Final = ROOT / "infra" / "terraform"
# What `destroy` has to allow before Terraform may delete it.
_PROTECTED: Final = (
    "aws_backup_vault.this",
    "aws_dynamodb_table.events",
    "module.lake_bucket.aws_s3_bucket.this",
    "module.dead_letter_bucket.aws_s3_bucket.this",
)

_GONE: Final = frozenset(
    {"ResourceNotFoundException", "NoSuchBucket", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}
)


class DataHeld(Explained):
    """The environment holds data that would be lost; the message names where."""


class Deployment:
    """One environment on AWS.

    Args:
        environment: its name.
        default_region: where the AWS settings name none.
        say: prints a line.
        folder: with the root module; that of this repository if left out.
        package: the Lambda package; likewise.
    """

    def __init__(
        self,
        environment: str,
        default_region: str,
        say: Callable[[str], None],
        folder: Path | None = None,
        package: Path | None = None,
    ) -> None:
        self.environment = environment
        self.account = identify(default_region)
        self.package = package or PACKAGE_FILE
        self._folder = folder or FOLDER
        self._say = say
        self._terraform = Terraform(self._folder, environment, say)

    def prepare(self, *, read_only: bool = False) -> None:
        """Get Terraform ready, and the files that it reads.

        Args:
            read_only: for a plan alone, which writes no state.

        Raises:
            InvalidSchema: the event schema is not a JSON Schema.
            PreflightError: the environment stands in another region.
            TerraformError: Terraform is missing, or failed.
        """
        load_schema()
        lake = self._folder / TERRAFORM_FILE.name
        if write_lake_file(lake):
            self._say(f"{lake}: the lake's columns now follow the event schema")
        self._terraform.init(read_only=read_only)
        standing = self._terraform.outputs().get("region")
        if standing not in {None, self.account.region}:
            raise PreflightError(
                f"{self.environment} stands in {standing}, and AWS_REGION says {self.account.region}: "
                f"set AWS_REGION to {standing}, or destroy it there first"
            )

    def deploy(self, confirm: Callable[[], bool], *, plan_only: bool = False) -> dict[str, Any] | None:
        """Plan, check what AWS would refuse, and apply.

        Args:
            confirm: asked once the plan is shown.
            plan_only: stop there.

        Returns:
            Terraform's outputs; None where nothing was applied.

        Raises:
            PreflightError: AWS would refuse it; nothing was created.
            TerraformError: Terraform failed.
        """
        with tempfile.TemporaryDirectory(prefix="spillway-plan-") as folder:
            plan = str(Path(folder) / "plan")
            lock = ["-lock=false"] if plan_only else []  # a lock would be written beside the state
            self._terraform.run("plan", *lock, *self._variables(), f"-out={plan}")
            check_plan(self._terraform.read_json("show", "-json", plan), self.account.region)
            if plan_only or not confirm():
                return None
            self._terraform.run("apply", plan)
        return self._terraform.outputs()

    def tidy(self, outputs: dict[str, Any]) -> None:
        """Delete old versions of the functions, and say what only a person can still give; see `notices`.

        Args:
            outputs: of Terraform, as `deploy` returns them.
        """
        session = boto3.Session(region_name=self.account.region)
        try:
            deleted = delete_old_versions(session.client("lambda"), outputs["names"]["functions"].values())
        except ClientError as error:
            self._say(f"Old versions of the functions stay; the next deployment tries again: {error}")
        else:
            if deleted:
                self._say(
                    f"{deleted} old versions of the functions are deleted; the newest {KEPT_VERSIONS} of each stay."
                )
        for line in notices(outputs["topics"], session):
            self._say(line)

    def data_held(self) -> list[str]:
        """What holds data now, by its name; see `destroy`."""
        names = self._terraform.outputs().get("names")
        return [] if names is None else list(_data_held(names, self.account.region))

    def destroy(self, *, delete_data: bool) -> None:
        """Take everything down.

        Args:
            delete_data: even the table and the buckets with what is in them.

        Raises:
            DataHeld: they hold something, and it was not said that it may go.
            TerraformError: Terraform failed.
        """
        if not delete_data and (held := self.data_held()):
            raise DataHeld(f"{self.environment} holds data: {', '.join(held)}; with --delete-data it is deleted")
        allowed = [
            *self._variables(),
            "-var=deletion_protection=false",
            f"-var=force_destroy={json.dumps(delete_data)}",
        ]
        if any(address in self._terraform.addresses() for address in _PROTECTED):
            self._terraform.run("apply", "-auto-approve", *allowed, *(f"-target={each}" for each in _PROTECTED))
        self._terraform.run("destroy", "-auto-approve", *allowed)

    def _variables(self) -> list[str]:
        """The variables of this environment, and its file of options where there is one."""
        stream = Names(self.environment, self.account.account).stream
        package = os.path.relpath(self.package.resolve(), self._folder.resolve())
        options = self._folder / "environments" / f"{self.environment}.tfvars"
        return [
            f"-var=environment={self.environment}",
            f"-var=region={self.account.region}",
            f"-var=package_file={package}",
            f"-var=standing_shards={standing_shards(stream, self.account.region)}",
            *([f"-var-file={options.relative_to(self._folder)}"] if options.exists() else []),
        ]


def _data_held(names: dict[str, Any], region: str) -> Iterator[str]:
    """What holds data; what is gone already, as after a destroy that stopped half-way, holds none."""
    for what, holds in _holders(names, boto3.Session(region_name=region)):
        try:
            if holds():
                yield what
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise PreflightError(f"{what} cannot be looked at for data: {error}") from error


def _holders(names: dict[str, Any], session: boto3.Session) -> Iterator[tuple[str, Callable[[], bool]]]:
    """What may hold data, and how to ask whether it does."""
    dynamodb, s3, sqs = session.client("dynamodb"), session.client("s3"), session.client("sqs")
    yield f"the table {names['table']}", lambda: bool(dynamodb.scan(TableName=names["table"], Limit=1)["Count"])
    for bucket in (names["lake_bucket"], names["dead_letter_bucket"]):
        yield f"the bucket {bucket}", partial(_bucket_holds, s3, bucket)
    for queue in (names["dead_letter_queue"], names["parked_queue"]):
        yield f"the queue {queue}", partial(_queue_holds, sqs, queue)
    vault = names["backup_vault"]
    yield f"the backup vault {vault}", partial(_vault_holds, session.client("backup"), vault)


def _vault_holds(backup: Any, vault: str) -> bool:
    return bool(backup.list_recovery_points_by_backup_vault(BackupVaultName=vault, MaxResults=1)["RecoveryPoints"])


def _bucket_holds(s3: Any, bucket: str) -> bool:
    found = s3.list_object_versions(Bucket=bucket, MaxKeys=1)
    return bool(found.get("Versions") or found.get("DeleteMarkers"))


def _queue_holds(sqs: Any, queue: str) -> bool:
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    return any(int(count) for count in attributes.values())
