"""Commands are imported when they are called; help and completion read a table."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete, get_completion_class

from infra.cli.main import COMMANDS, spillway
from tests.infra.cli.commands import leaves

HEAVY = ("boto3", "duckdb", "moto", "pyarrow", "rich", "sqlglot", "urllib3")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_table_names_the_command_and_says_what_it_says_itself(name):
    command = spillway.get_command(click.Context(spillway), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200).startswith(COMMANDS[name][1].removesuffix("."))


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from pathlib import Path
from infra.cli.main import spillway
spillway(['--help'], standalone_mode=False)
print('heavy:', sorted(set({HEAVY}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy: []\n")
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_a_command_that_does_not_exist_is_wrong_usage():
    assert spillway.get_command(click.Context(spillway), "nosuch") is None


def test_names_of_commands_and_options_are_completed():
    complete = ShellComplete(spillway, {}, "spillway", "_SPILLWAY_COMPLETE")
    assert [each.value for each in complete.get_completions([], "s")] == ["schema", "status", "shards"]
    assert "--json" in [each.value for each in complete.get_completions(["status"], "--")]
    assert "report" in [each.value for each in complete.get_completions(["shards"], "re")]


@pytest.mark.parametrize(
    ("path", "command"), list(leaves()), ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_every_help_is_readable(path, command):
    text = command.get_help(click.Context(command, info_name=" ".join(path)))
    assert "\\b" not in text
    assert "\b" not in text
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{option.name} has no help"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_that_the_page_names_is_a_script(shell):
    assert f"_SPILLWAY_COMPLETE={shell}_source spillway" in Path("docs/commands.md").read_text(encoding="utf-8")
    found = get_completion_class(shell)
    assert found is not None
    assert "_SPILLWAY_COMPLETE" in found(spillway, {}, "spillway", "_SPILLWAY_COMPLETE").source()
