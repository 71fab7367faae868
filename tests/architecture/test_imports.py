"""The arrows between the folders, and what the repository must not hold."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("producers", "consumers", "archive", "infra")


def imports_of(path: Path) -> set[str]:
    """The top-level names of everything that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_one_way(layer):
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    files = list((ROOT / layer).rglob("*.py"))
    assert files
    for path in files:
        wrong = imports_of(path) & (set(LAYERS) | {"tests"}) - set(allowed)
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


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
