"""`spillway run` with the packages of requirements/run.txt alone, as `make run` sets it up."""

import json
import re
from importlib.metadata import packages_distributions
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.end_to_end.conftest import ROOT, end, start
from tests.roles import recording

# Python runs it at its start: what only tests have installed can't be imported.
SITE = """
import json, sys
ABSENT = frozenset(json.loads({absent!r}))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{{name}} is not in requirements/run.txt", name=name)
sys.meta_path.insert(0, Absent())
"""


def test_it_starts_takes_an_event_and_answers_queries_without_the_packages_of_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    absent = packages_of_tests()
    assert {"pytest", "hypothesis", "mypy"} <= absent
    (tmp_path / "sitecustomize.py").write_text(SITE.format(absent=json.dumps(sorted(absent))))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv(recording.FOLDER_VARIABLE, raising=False)  # calls are recorded by another sitecustomize
    pipeline = start()
    try:
        assert json.loads(pipeline.spillway("post", '{"n": 1}'))["request_id"]
        pipeline.wait_until_drained(table_writer=1, firehose=1)
        assert '"n":1' in pipeline.spillway("query", "SELECT payload FROM events", "--json").replace("\\", "")
        console = re.search(r"http://127\.0\.0\.1:\d+/console/\S+", pipeline.greeting)
        assert console
        with build_opener(HTTPCookieProcessor()).open(console[0], timeout=30) as page:
            assert "<title>" in page.read().decode()
        printed = pipeline.stop()
        assert pipeline.process.returncode == 0, printed
    finally:
        end(pipeline)


def packages_of_tests() -> set[str]:
    """What can be imported here, and comes from none of the distributions that `make run` installs."""
    installed = {
        _normal(line.split("==")[0])
        for line in (ROOT / "requirements" / "run.txt").read_text().splitlines()
        if "==" in line
    }
    installed |= {"spillway", "pip"}
    return {
        package
        for package, distributions in packages_distributions().items()
        if not any(_normal(distribution) in installed for distribution in distributions)
    }


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
