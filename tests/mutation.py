"""`make mutate`: what mutmut's mutants came to, by folder, and the survivors that nobody has explained.

A mutant is the code with one small change. Tests that notice kill it; one that survives shows what no test checks.
`tests/surviving_mutants.toml` lists the survivors that are left on purpose, each with the reason.
"""

import ast
import difflib
import functools
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

MUTANTS: Final = Path("mutants")  # where mutmut leaves its copies
EXPLAINED: Final = Path(__file__).parent / "surviving_mutants.toml"
FOLDERS: Final = ("producers", "consumers", "archive/dead_letters", "archive/replay", "archive/compaction", "archive")

# An exit code of the tests, as mutmut keeps it. 0: the mutant survived; every other number: it was killed.
NO_TESTS: Final = 33


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutant.

    Args:
        path: of the module.
        name: mutmut's, whose number changes with the code.
        exit_code: of the tests.
    """

    path: str
    name: str
    exit_code: int | None

    @property
    def function(self) -> str:
        """The function that it changes, such as `EventTable._isolate`."""
        short = self.name.rpartition(".")[2].rpartition("__mutmut_")[0]
        return short.removeprefix("x_") if short.startswith("x_") else short.removeprefix("xǁ").replace("ǁ", ".")


def mutants() -> Iterator[Mutant]:
    """Every mutant of the last run."""
    for meta in sorted(MUTANTS.rglob("*.meta")):
        path = meta.relative_to(MUTANTS).as_posix().removesuffix(".meta")
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        yield from (Mutant(path, name, code) for name, code in codes.items())


@functools.cache
def _functions(path: str) -> dict[str, list[str]]:
    """The lines of every function in a copy of mutmut's, each mutant being a function of its own."""
    source = (MUTANTS / path).read_text()
    lines = source.splitlines()
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    return {node.name: lines[node.lineno : node.end_lineno] for node in found}


def change_of(mutant: Mutant) -> str:
    """The lines that a mutant changes, as `old -> new`."""
    short = mutant.name.rpartition(".")[2]
    functions = _functions(mutant.path)
    before, after = functions[re.sub(r"__mutmut_\d+$", "__mutmut_orig", short)], functions[short]
    lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    parts = [" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"]
    return " -> ".join(parts)


def explained() -> set[tuple[str, str, str]]:
    """The survivors that are left on purpose: path, function and change."""
    listed = tomllib.loads(EXPLAINED.read_text())["survivor"]
    return {(each["path"], each["function"], each["change"]) for each in listed if each["reason"]}


def folder_of(path: str) -> str:
    """The folder under which a module is counted."""
    return next(folder for folder in FOLDERS if path.startswith(f"{folder}/"))


def main() -> int:
    """Print the table and the survivors without an explanation; 1 where there are any."""
    counts: dict[str, Counter[str]] = {folder: Counter() for folder in FOLDERS}
    known, unexplained = explained(), []
    for mutant in mutants():
        match mutant.exit_code:
            case None:
                verdict = "not run"
            case 0 | 33:
                is_known = (mutant.path, mutant.function, change_of(mutant)) in known
                verdict = "explained" if is_known else "survived"
                if not is_known:
                    unexplained.append(mutant)
            case _:
                verdict = "killed"
        counts[folder_of(mutant.path)][verdict] += 1
    click.echo(
        f"{'folder':<22} {'mutants':>8} {'killed':>8} {'explained':>10} {'survived':>9} {'not run':>8}  killed of run"
    )
    for folder, count in counts.items():
        run = count.total() - count["not run"]
        share = f"{count['killed'] / run:.1%}" if run else "-"
        numbers = f"{count.total():>8,} {count['killed']:>8,} {count['explained']:>10,} {count['survived']:>9,}"
        click.echo(f"{folder:<22} {numbers} {count['not run']:>8,}  {share}")
    for mutant in unexplained:
        click.echo(f"{mutant.path} {mutant.function}{' (no test runs it)' if mutant.exit_code == NO_TESTS else ''}")
        click.echo(f"    {change_of(mutant)}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
