"""Which folder imports which."""

import ast

import pytest

from tests.architecture.folders import FOLDERS, LAYERS, ROOT, folder_imports

MAX_LINES = 300


def top_level_imports(text: str) -> set[str]:
    """The first parts of the names of everything that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
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
        wrong = top_level_imports(path.read_text(encoding="utf-8")) & (set(LAYERS) | {"tests"}) - set(allowed)
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_every_folder_of_the_code_has_a_rule():
    assert set(folder_imports()) == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_what_its_rule_allows_and_the_rule_allows_no_more(folder):
    assert sorted(folder_imports()[folder]) == sorted(FOLDERS[folder].may_import)


@pytest.mark.parametrize("folder", ["infra/audit", "infra/recovery", "infra/querying"])
def test_what_serves_aws_as_well_does_not_import_the_local_pipeline(folder):
    assert not [each for each in FOLDERS[folder].may_import if each.startswith("infra/local")]


def test_files_stay_short():
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > MAX_LINES
    }
    assert not long, f"over {MAX_LINES} lines: {long}"
