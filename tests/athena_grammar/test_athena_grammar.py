"""Every statement that goes to Athena, parsed by grammars of Trino and Hive that no other part of Spillway uses."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.deploy.package import ROOT
from tests.athena_grammar import statements
from tests.athena_grammar.statements import HOSTILE, Statement

PARSE = Path(__file__).with_name("parse.mjs")
INSTALLED = ROOT / "build" / "athena_grammar"  # by `make athena-grammar`
ASKING = re.compile(r"\bWorkgroup\(|\.start_query_execution\(")
COVERED = {
    "archive/lake/athena.py": None,  # which the others go through
    "archive/compaction/athena.py": statements.of_compaction,
    "archive/dead_letters/athena_selection.py": statements.of_a_selection,
    "infra/querying/athena_query.py": statements.of_a_query,
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a grammar makes of one statement.

    Args:
        errors: with line and column.
        statements: how many it holds.
        tokens: type and text, without comments and white space.
    """

    errors: list[str]
    statements: int
    tokens: list[Any]

    @property
    def form(self) -> list[int]:
        """The types of its tokens, which do not depend on the values."""
        return [kind for kind, _ in self.tokens]


Grammar = Callable[..., list[Parsed]]


@pytest.fixture(scope="module")
def grammar() -> Iterator[Grammar]:
    """Parses statements, by one process of node for all tests of a worker."""
    reason = None
    if shutil.which("node") is None:
        reason = "node is not installed"
    elif not (INSTALLED / "node_modules").is_dir():
        reason = "the grammars are not installed; run: make athena-grammar"
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    command = ["node", str(PARSE), str(INSTALLED)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        yield lambda *given: [_parsed(node, each) for each in given]
        node.stdin.close()


def _parsed(node: "subprocess.Popen[str]", statement: Statement) -> Parsed:
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps({"dialect": statement.dialect, "sql": statement.sql}) + "\n")
    node.stdin.flush()
    return Parsed(**json.loads(node.stdout.readline()))


def assert_valid(grammar: Grammar, *given: Statement) -> None:
    for statement, result in zip(given, grammar(*given), strict=True):
        assert (result.errors, result.statements) == ([], 1), (statement.name, result.errors, statement.sql)
        # Trino's own parser refuses these after its grammar has passed them.
        backquoted = [text for _, text in result.tokens if text.startswith("`")]
        assert statement.dialect == "hive" or backquoted == [], statement.name


def test_every_statement_in_a_file_is_valid(grammar):
    given = list(statements.in_files())
    assert len(given) >= 17
    assert_valid(grammar, *given)


def test_the_tables_and_the_view_are_valid(grammar):
    assert_valid(grammar, *statements.of_the_tables())


def test_what_compaction_sends_is_valid(grammar):
    given = list(statements.of_compaction())
    assert len(given) >= 3
    assert_valid(grammar, *given)


@pytest.mark.parametrize("part", ["stages", "errors"])
def test_hostile_stages_and_errors_do_not_change_the_statement(grammar, part):
    hostile = [each for each in HOSTILE if "[" not in each]
    # An error with a wildcard is compared by LIKE, any other by =.
    plain = ["pl*n" if part == "errors" and any(c in each for c in "*?") else "plain" for each in hostile]
    given = [statements.of_a_selection(**{part: (each, "more")}) for each in hostile]
    assert_valid(grammar, *given)
    expected = [each.form for each in grammar(*(statements.of_a_selection(**{part: (each, "more")}) for each in plain))]
    assert [each.form for each in grammar(*given)] == expected


def test_a_pattern_that_only_the_reading_understands_is_left_to_it(grammar):
    assert_valid(grammar, statements.of_a_selection(errors=("[a]'*",)))


def test_hostile_parameters_stay_one_literal(grammar):
    given = [statements.of_a_query(each) for each in HOSTILE]
    assert_valid(grammar, *given)
    assert {tuple(each.form) for each in grammar(*given)} == {tuple(grammar(statements.of_a_query("plain"))[0].form)}


def test_every_module_that_asks_athena_is_covered():
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("producers", "consumers", "archive", "infra")
        for path in (ROOT / folder).rglob("*.py")
        if ASKING.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(COVERED)


@pytest.mark.parametrize(
    "sql",
    [
        "SELEC 1",
        "SELECT * FROM (SELECT 1",
        "SELECT a FROM t LIMIT 10 ORDER BY 1",
        "SELECT 'it\\'s'",
        "SELECT 1; DROP TABLE events",
        "SELECT `a` FROM t",
    ],
)
def test_a_statement_with_a_mistake_is_noticed(grammar, sql):
    with pytest.raises(AssertionError):
        assert_valid(grammar, Statement("a mistake", sql))
