"""Terraform on a copy of the configuration, so that nothing it leaves lies in the repository."""

import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.deploy.package import ROOT
from infra.deploy.terraform import PLUGIN_DIR_VARIABLE
from infra.local.aws.endpoint import local_aws

WHAT_TERRAFORM_READS = ("infra/terraform", "infra/pipeline.yaml", "infra/event.schema.json", "archive/lake/queries")
PLANS = Path(__file__).parent / "plans"  # the tests that `terraform test` runs, and what they have in common


@dataclass
class Configuration:
    """A copy of what Terraform reads."""

    root: Path
    module: str = "."  # the root module, in infra/terraform

    @property
    def folder(self) -> Path:
        return self.root / "infra" / "terraform" / self.module

    @property
    def pipeline_file(self) -> Path:
        return self.root / "infra" / "pipeline.yaml"

    @property
    def package(self) -> Path:
        return self.root / "dist" / "lambda.zip"

    def terraform(self, *arguments: str, status: int = 0) -> str:
        """Run Terraform on it, without an account; its output."""
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


def environment() -> dict[str, str]:
    """Without what would lead to an account, or a plug-in configuration that is not there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    return kept | {"TF_IN_AUTOMATION": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def missing() -> str | None:
    """What keeps Terraform from running here: one line, or None."""
    if shutil.which("terraform") is None:
        return "terraform is not installed"
    folder = os.environ.get(PLUGIN_DIR_VARIABLE)
    if not folder or not Path(folder).is_dir():
        return f"{PLUGIN_DIR_VARIABLE} names no folder with the provider hashicorp/aws"
    return None


@pytest.fixture
def configuration(tmp_path) -> Configuration:
    """The configuration, Terraform initialised in it; under CI its absence is a failure."""
    return copied_to(tmp_path)


@pytest.fixture(scope="module")
def module_configuration(tmp_path_factory) -> Configuration:
    """The same for all tests of a module, which only read it."""
    return copied_to(tmp_path_factory.mktemp("configuration"))


def _put_tests(tests: Path, target: Path) -> None:
    """Put tests where Terraform finds them, each below the preambles that its first line names.

    Terraform has no include, and takes providers and overrides from the test's own file alone.
    """
    target.mkdir(exist_ok=True)
    for test in tests.glob("*.tftest.hcl"):
        text = test.read_text()
        names = text.partition("\n")[0].removeprefix("# preamble: ").split()
        preambles = [(PLANS / "preamble" / f"{name}.tftest.hcl").read_text() for name in names]
        (target / test.name).write_text("\n".join([*preambles, text]))


def copied_to(folder: Path) -> Configuration:
    """Copy what Terraform reads, and initialise it there."""
    if reason := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    for name in WHAT_TERRAFORM_READS:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(
                source, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "terraform.tfstate.d")
            )
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for module, tests in (("", "pipeline"), ("delivery", "delivery")):
        _put_tests(PLANS / tests, folder / "infra" / "terraform" / module / "tests")
    copy = Configuration(folder)
    copy.package.parent.mkdir()
    with zipfile.ZipFile(copy.package, "w") as package:
        package.writestr("README", "The code runs in the process that tests it.")
    copy.terraform("init", "-input=false", f"-plugin-dir={os.environ[PLUGIN_DIR_VARIABLE]}")
    return copy


@pytest.fixture
def local():
    with local_aws("eu-west-2", "off"):
        yield
