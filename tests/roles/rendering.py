"""The policies as Terraform renders them: planned without an account, so that every document is whole.

A plan takes seconds. It is kept in build/roles by what Terraform read, and made again once that changes.
"""

import fcntl
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.deploy.package import ROOT
from infra.deploy.terraform import PLUGIN_DIR_VARIABLE
from tests.infra.terraform.conftest import WHAT_TERRAFORM_READS, Configuration, copied_to, environment
from tests.roles.evaluation import Document

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-2"
KEY_ARN: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/the-key"
DEFERRED: Final = {"aws_iam_role_policy.key": "data.aws_iam_policy_document.key_use"}
CACHE: Final = ROOT / "build" / "roles"

_PROVIDER: Final = f"""
  region                      = "{REGION}"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
"""
_CALLER: Final = f"""
override_data {{
  target = data.aws_caller_identity.current
  values = {{ account_id = "{ACCOUNT}", arn = "arn:aws:sts::{ACCOUNT}:assumed-role/deployer/someone" }}
}}
"""
_PIPELINE: Final = f"""
provider "aws" {{
  alias = "replica"
  {_PROVIDER}
}}
override_data {{
  target = data.aws_iam_session_context.deployer
  values = {{ issuer_arn = "arn:aws:iam::{ACCOUNT}:role/deployer" }}
}}
override_data {{
  target = data.aws_availability_zones.here
  values = {{ names = ["eu-west-2a", "eu-west-2b", "eu-west-2c"] }}
}}
override_resource {{
  target          = aws_kms_key.this
  override_during = plan
  values          = {{ arn = "{KEY_ARN}", key_id = "the-key" }}
}}
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run of Terraform would make.

    Args:
        resources: by address, the attributes that a plan knows.
    """

    resources: dict[str, dict[str, Any]]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of a type, such as `aws_sqs_queue`, by address."""
        return {
            address: values for address, values in self.resources.items() if kind in address.split("[")[0].split(".")
        }

    def document(self, address: str, attribute: str = "policy") -> Document:
        """A policy that a resource holds as text."""
        found: Document = json.loads(self.resources[address][attribute])
        return found


def pipeline_plan(folder: Path, environment_name: str, variables: dict[str, Any], pipeline: dict[str, Any]) -> Plan:
    """The plan of the pipeline itself.

    Args:
        folder: for a copy of the configuration.
        environment_name: such as `local`.
        variables: of Terraform.
        pipeline: sections of pipeline.yaml that differ.
    """
    settings = yaml.safe_load((ROOT / "infra" / "pipeline.yaml").read_text())
    for section, values in pipeline.items():
        settings[section] |= values
    given = {"environment": environment_name, "package_file": "../pipeline.yaml", "pipeline": yaml.safe_dump(settings)}
    return _plan(folder, ".", given | variables, _PIPELINE)


def delivery_plan(folder: Path, variables: dict[str, Any]) -> Plan:
    """The plan of the delivery: its roles and their boundary."""
    given = {"repository": "example/spillway", "state_bucket": "example-state"}
    return _plan(folder, "delivery", given | variables, "")


def _plan(folder: Path, module: str, variables: dict[str, Any], overrides: str) -> Plan:
    text = f'provider "aws" {{{_PROVIDER}}}\n{_CALLER}{overrides}\nrun "rendered" {{\n  command = plan\n}}\n'
    given = json.dumps(variables, sort_keys=True)
    digest = hashlib.sha256(f"{_read()}{module}{text}{given}".encode()).hexdigest()
    kept = CACHE / f"{digest[:32]}.json"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # workers of one test run ask at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            configuration = copied_to(folder / digest[:8])
            kept.write_text(json.dumps(_rendered(configuration, module, text, given)))
    return Plan(json.loads(kept.read_text()))


def _read() -> str:
    """A digest of all that Terraform reads."""
    digest = hashlib.sha256()
    for name in WHAT_TERRAFORM_READS:
        for path in sorted((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name]):
            if path.is_file() and ".terraform" not in str(path) and not path.name.startswith("terraform.tfstate"):
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _rendered(configuration: Configuration, module: str, text: str, variables: str) -> dict[str, Any]:
    configuration.module = module
    (configuration.folder / "tests").mkdir(exist_ok=True)
    (configuration.folder / "tests" / "rendered.tftest.hcl").write_text(text)
    (configuration.folder / "rendered.tfvars.json").write_text(variables)
    if module != ".":
        configuration.terraform("init", "-input=false", f"-plugin-dir={os.environ[PLUGIN_DIR_VARIABLE]}")
    options = ("-json", "-verbose", "-filter=tests/rendered.tftest.hcl", "-var-file=rendered.tfvars.json")
    command = ["terraform", f"-chdir={configuration.folder}", "test", *options]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    (plan,) = [message["test_plan"] for message in messages if message["type"] == "test_plan"]
    found = {change["address"]: change["change"]["after"] or {} for change in plan["resource_changes"]}
    for address, values in found.items():
        if ".aws_iam_role_policy." in f".{address}" and values.get("policy") is None:
            # Terraform leaves a document that reads the key for later, though it knows all of it.
            resource, bracket, key = address.partition("[")
            values["policy"] = json.dumps(_document(found[f"{DEFERRED[resource]}{bracket}{key}"]))
    return {address: values for address, values in found.items() if not address.startswith("data.")}


def _document(values: dict[str, Any]) -> Document:
    """The JSON of an `aws_iam_policy_document` that Terraform knows the statements of."""
    return {"Version": "2012-10-17", "Statement": [_statement(statement) for statement in values["statement"]]}


def _statement(values: dict[str, Any]) -> Document:
    known = {"sid", "effect", "actions", "resources", "condition"}
    assert not [name for name, value in values.items() if value and name not in known], values
    condition: dict[str, dict[str, list[str]]] = {}
    for each in values["condition"]:
        condition.setdefault(each["test"], {})[each["variable"]] = each["values"]
    return {
        "Sid": values["sid"],
        "Effect": values["effect"] or "Allow",
        "Action": values["actions"],
        "Resource": values["resources"],
        "Condition": condition,
    }
