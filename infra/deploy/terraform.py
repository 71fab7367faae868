"""Running Terraform: one folder, one workspace for each environment, every command shown before it runs."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from producers.explained import Explained

PLUGIN_DIR_VARIABLE: Final = "TERRAFORM_PLUGIN_DIR"  # a folder with the provider, where the registry can't be reached


EMPTY_WORKSPACE: Final = "default"  # Spillway keeps nothing in it


class TerraformError(Explained):
    """Terraform is missing, or a command of it failed; its own message stands above."""


class Terraform:
    """Terraform on one folder.

    Args:
        folder: with the root module.
        workspace: holds the state of one environment.
        say: prints a command before it runs.
        environment: more environment variables for it.
    """

    def __init__(
        self,
        folder: Path,
        workspace: str,
        say: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._workspace = workspace
        self._say = say
        self._environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", **(environment or {})}

    def init(self, *, read_only: bool = False) -> None:
        """Fetch the provider, or link the one that TERRAFORM_PLUGIN_DIR holds, and select the workspace.

        Args:
            read_only: write no state: for a workspace that does not exist, the empty one, `default`, is selected.

        Raises:
            TerraformError: Terraform is missing, or failed.
        """
        if shutil.which("terraform") is None:
            raise TerraformError("terraform is not installed; install 1.11 or later")
        plugins = self._environment.get(PLUGIN_DIR_VARIABLE)
        self.run("init", *([f"-plugin-dir={plugins}"] if plugins else []))
        if read_only and self._workspace not in self._workspaces():
            self._say(f"{self._workspace} has no state yet: everything is new")
            self.run("workspace", "select", EMPTY_WORKSPACE)
            return
        self.run("workspace", "select", "-or-create", self._workspace)

    def run(self, *arguments: str) -> None:
        """Run a command; its output goes where ours goes.

        Raises:
            TerraformError: it failed.
        """
        command = self._command(arguments)
        self._say(f"+ {shlex.join(command)}")
        done = subprocess.run(command, env=self._environment, check=False)  # noqa: S603 (our own words)
        if done.returncode != 0:
            raise TerraformError(f"terraform {arguments[0]} failed; its own message stands above")

    def read_json(self, *arguments: str) -> Any:
        """The JSON that a command prints, such as `output -json`.

        Raises:
            TerraformError: it failed.
        """
        return json.loads(self._read(*arguments))

    def outputs(self) -> dict[str, Any]:
        """The outputs as last applied; empty where nothing was.

        Raises:
            TerraformError: they cannot be read.
        """
        return {name: output["value"] for name, output in self.read_json("output", "-json").items()}

    def addresses(self) -> list[str]:
        """The resources in the state, by their addresses.

        Raises:
            TerraformError: the state cannot be read.
        """
        return self._read("state", "list").splitlines()

    def version(self) -> str:
        """The JSON with the version of Terraform, and of the provider where `init` ran.

        Raises:
            FileNotFoundError: Terraform is missing.
            TerraformError: it failed.
        """
        if shutil.which("terraform") is None:
            raise FileNotFoundError("terraform")
        return self._read("version", "-json")

    def _workspaces(self) -> list[str]:
        return self._read("workspace", "list").replace("*", " ").split()

    def _read(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 (our own words)
            self._command(arguments), env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise TerraformError(f"terraform {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["terraform", f"-chdir={self.folder}", *arguments]
