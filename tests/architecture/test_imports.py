"""Which folder imports which, and which module."""

import ast
import graphlib

import pytest

from tests.architecture.folders import FOLDERS, LAYERS, ROOT, folder_imports, imports

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


def test_no_modules_import_each_other_in_a_circle():
    """An import for type checking counts: who reads one module of a circle has to read them all."""
    order = list(graphlib.TopologicalSorter(imports()).static_order())
    assert order.index("producers.event") < order.index("infra.cli.main")


def test_a_circle_of_imports_is_found():
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


def _imported_test_modules(text: str) -> list[str]:
    """The test modules that a file imports, wherever the import stands."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            dotted = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found += [each for each in dotted if each.startswith("tests.") and ".test_" in each]
    return found


def test_no_module_imports_a_test_module():
    """What two test modules share stands in a module of its own, such as `tests.waiting`.

    Only `restarted` imports tests, to run all of them again on a store that is reopened.
    """
    wrong = {
        path.relative_to(ROOT).as_posix(): imported
        for path in (ROOT / "tests").rglob("*.py")
        if path.parent.name != "restarted" and (imported := _imported_test_modules(path.read_text(encoding="utf-8")))
    }
    assert not wrong


@pytest.mark.parametrize(
    "text",
    [
        "from tests.a.test_b import c",
        "from tests.a import test_b",
        "import tests.a.test_b",
        "def f():\n    import tests.test_b",
    ],
)
def test_an_import_of_a_test_module_is_found_in_each_form(text):
    assert _imported_test_modules(text)
    assert not _imported_test_modules(text.replace("test_b", "b"))


def test_files_stay_short():
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for layer in (*LAYERS, "tests")
        for path in (ROOT / layer).rglob("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > MAX_LINES
    }
    assert not long, f"over {MAX_LINES} lines: {long}"
