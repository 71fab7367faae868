"""The commands in a Markdown page, so that a test runs what the page says.

A page gives them in fenced blocks of the language `console`, each after a prompt of `$ `; a line that ends in a
backslash goes on in the next. Lines without a prompt are output, and passed over:

    ```console
    $ spillway shards report
    spillway-local-events: ACTIVE
    ```
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FENCE = "```"
LANGUAGE = "console"
PROMPT = "$ "
TIMEOUT_SECONDS = 120


class CommandFailed(AssertionError):
    """A command of a page failed; the message names page, line, command and what it printed."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page.

    Args:
        page: the file.
        line: where it stands, counted from 1.
        text: as it is typed, lines joined.
    """

    page: Path
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that was run.

    Args:
        command: which.
        output: what it printed on standard output.
    """

    command: Command
    output: str


def commands(page: Path) -> list[Command]:
    """The commands of a page, in order."""
    found: list[Command] = []
    in_block = in_command = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith(FENCE):
            in_block, in_command = not in_block and stripped == FENCE + LANGUAGE, False
        elif in_command:
            last = found[-1]
            found[-1] = Command(page, last.line, f"{last.text}\n{line}")
            in_command = line.endswith("\\")
        elif in_block and stripped.startswith(PROMPT):
            found.append(Command(page, number, stripped.removeprefix(PROMPT)))
            in_command = line.endswith("\\")
    return found


def run_all(found: Sequence[Command], *, folder: Path, environment: Mapping[str, str]) -> list[Ran]:
    """Run commands one after the other, as in one terminal: variables set by one are there for the next.

    Args:
        found: the commands.
        folder: to run them in.
        environment: on top of this process's own.

    Raises:
        CommandFailed: one of them did not exit with 0.
    """
    variables = folder / ".variables"
    variables.touch()
    ran = []
    for command in found:
        script = f"set -a; . {variables}; set -e -o pipefail\n{command.text}\nexport -p > {variables}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            where = f"{command.page}:{command.line}: $ {command.text}"
            raise CommandFailed(f"{where}\nexited with {done.returncode}\n{done.stdout}{done.stderr}")
        ran.append(Ran(command, done.stdout))
    return ran
