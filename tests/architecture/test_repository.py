"""What the repository must hold, and what it must not."""

import subprocess
from pathlib import Path

import pytest

from tests.architecture.folders import ROOT


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


@pytest.mark.parametrize("name", ["lambda.txt", "run.txt", "dev.txt"])
def test_requirements_are_pinned_with_hashes_and_name_no_host(name):
    text = (ROOT / "requirements" / name).read_text()
    assert "http://" not in text
    assert "https://" not in text
    pins = [block for block in text.split("\n") if block and not block.startswith((" ", "#"))]
    assert pins
    assert all("==" in pin for pin in pins)
    assert text.count("--hash=sha256:") >= len(pins)


def test_no_terraform_lock_file_is_kept():
    assert not [path for path in tracked_files() if path.name == ".terraform.lock.hcl"]
