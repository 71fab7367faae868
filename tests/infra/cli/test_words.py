"""What a user reads: every page of help, and counts with the right ending."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from infra.cli.main import spillway

WIDEST = 100
ROOT = Path(__file__).parents[3]
COUNTED = re.compile(
    r" (alarms|checks|entries|events|failures|files|hours|messages|objects|records|rows|shards)\b(?!/s| a sec| apply)"
)


def pages(
    command: click.Command = spillway, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every page of help: the words that name a command or group, and the command."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from pages(found, (*path, name))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("terminal", [80, 300])
@pytest.mark.parametrize(("path", "command"), [pytest.param(*page, id=" ".join(page[0]) or "-") for page in pages()])
def test_every_page_of_help_is_whole_and_fits(path, command, terminal, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(terminal))
    spillway.main([*path, "--help"], prog_name="spillway", standalone_mode=False)
    shown, errors = capsys.readouterr()
    assert errors == ""
    assert shown.startswith(f"Usage: {' '.join(('spillway', *path))} ")
    assert "\\b" not in shown
    assert "\b" not in shown
    assert "Traceback" not in shown
    assert [line for line in shown.splitlines() if len(line) > WIDEST] == []
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{option.opts} has no help text"


def bare_counts(source: str) -> list[int]:
    """The lines on which an f-string writes a number and a plural, for one as for many.

    Left out: constants, `1 of 2 shards`, ranges such as `1 to 2 shards`, rates, and the branches of a condition.
    """
    tree = ast.parse(source)
    chosen = {
        id(branch) for node in ast.walk(tree) if isinstance(node, ast.IfExp) for branch in (node.body, node.orelse)
    }
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or id(node) in chosen:
            continue
        before = ""
        for value, text in zip(node.values, [*node.values[1:], ast.Constant("")], strict=True):
            if (
                isinstance(value, ast.FormattedValue)
                and isinstance(text, ast.Constant)
                and COUNTED.match(str(text.value))
                and not before.endswith((" of ", " of the ", " to "))
                and not ast.unparse(value.value).rpartition(".")[2].isupper()
            ):
                found.append(value.lineno)
            before = str(value.value) if isinstance(value, ast.Constant) else ""
    return found


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('f"{n:,} entries"', [1]),
        ('f"{len(n)} shards stay"', [1]),
        ('say(\n    f"a {n} files"\n)', [2]),
        ('f"{n} of {m} shards"', []),
        ('f"{n} events a second, {m} records/s"', []),
        ('f"{MOST} files"', []),
        ('"1 row" if n == 1 else f"{n} rows"', []),
        ("f\"{count_of(n, 'entry', 'entries')}\"", []),
    ],
)
def test_a_bare_count_is_found(source, lines):
    assert bare_counts(source) == lines


def test_one_is_not_counted_in_the_plural():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "infra").rglob("*.py"))
        if "local" not in path.parts[len(ROOT.parts) :]  # which words errors as AWS does
        for line in bare_counts(path.read_text(encoding="utf-8"))
    ]
    assert found == []
