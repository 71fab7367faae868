"""The names that a page of the docs uses: paths, links, modules, settings, commands, targets of make."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FENCE: Final = "```"
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_PATH: Final = re.compile(
    r"^(?:\.?/?)((?:producers|consumers|archive|infra|tests|docs|requirements|\.github|\.ci)/[\w./*{},-]*|[\w-]+\.(?:md|toml|yaml))$"
)
_MODULE: Final = re.compile(r"^(?:python -m )?((?:producers|consumers|archive|infra|tests)(?:\.\w+)+)")
_SETTING: Final = re.compile(r"^([a-z_]+)((?:\.[a-z_]+)+)(?::.*)?$")
_OPTION: Final = re.compile(r"^(--[a-z][a-z-]*)")
_MAKE: Final = re.compile(r"\bmake ((?:[a-z][a-z-]*\b ?)+)")


@dataclass(frozen=True, slots=True)
class Name:
    """One name in a page.

    Args:
        page: the file.
        line: counted from 1.
        text: the name.
    """

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        """The name with its place, for a message."""
        return f"{self.page.name}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a page, by what they name.

    Args:
        paths: files, folders and patterns of them, from the repository's root.
        links: targets of links within the repository, relative to the page.
        modules: dotted names of modules, or of something in one.
        settings: dotted names that may be settings of pipeline.yaml.
        commands: command lines that begin with `spillway`.
        targets: targets of make.
        options: options that the text names outside a command.
    """

    paths: list[Name]
    links: list[Name]
    modules: list[Name]
    settings: list[Name]
    commands: list[Name]
    targets: list[Name]
    options: list[Name]


def _code(page: Path) -> list[tuple[int, str, bool]]:
    """The pieces of code of a page: the line, the text, and whether it is a line of a block."""
    found: list[tuple[int, str, bool]] = []
    in_block = continues = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith(FENCE):
            in_block, continues = not in_block, False
        elif in_block or line.startswith("    "):
            if continues:
                at, before, _ = found.pop()
                found.append((at, f"{before.removesuffix(chr(92))} {stripped}", True))
            else:
                found.append((number, stripped.removeprefix("$ "), True))
            continues = line.endswith("\\")
        else:
            found += [(number, span, False) for span in _SPAN.findall(line)]
    return found


def names(page: Path) -> Names:
    """Everything that a page names.

    Args:
        page: a Markdown file.
    """
    found = Names([], [], [], [], [], [], [])
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        found.links.extend(
            Name(page, number, target) for target in _LINK.findall(line) if not target.startswith(("http", "mailto"))
        )
    for number, text, in_block in _code(page):
        for words in _MAKE.findall(text):
            found.targets.extend(Name(page, number, target) for target in words.split())
        if text.startswith("spillway "):
            found.commands.append(Name(page, number, text))
        elif not in_block:
            if match := _OPTION.match(text):
                found.options.append(Name(page, number, match[1]))
            elif match := _PATH.match(text):
                found.paths.append(Name(page, number, match[1]))
            elif match := _MODULE.match(text):
                found.modules.append(Name(page, number, match[1]))
            elif match := _SETTING.match(text):
                found.settings.append(Name(page, number, match[1] + match[2]))
    return found


def words_of(command: str) -> list[str]:
    """The words of a command line, up to a pipe, a redirection or a comment.

    Args:
        command: as a page shows it.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = []
    try:
        for word in lexer:
            if set(word) <= set("|&;<>()"):
                break
            words.append(word)
    except ValueError:  # a quotation mark without its partner: the page breaks the line inside quotes
        return command.split()
    return words
