"""The prose of the repository: pages, and the docstrings, comments and texts of the code."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Words and phrases that read as a riddle, each with what to write.
WRONG: Final[dict[str, str]] = {
    r"[Tt]ells?|[Tt]old": "return, show, report",
    r"[Mm]end(?:s|ed|ing)?": "fix, repair, edit",
    r"(?<![Tt]here )(?:is|are|was|were) none": "is not one, is invalid",
    r"[Tt]here (?:is|was) none": "name the thing that is missing",
    r"to be had": "available",
    r"[Ww]hatever": "any; name what it may be",
    r"[Tt]hose of": "name the thing again",
    r"[Ww]hat is no": "bytes that are not an event",
}
_PATTERN: Final = re.compile(r"\b(?:" + "|".join(WRONG) + r")\b")
_CODE: Final = re.compile(r"`[^`]*`")


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase of `WRONG` in a text.

    Args:
        path: of the file.
        line: counted from 1.
        phrase: as it stands there.
    """

    path: Path
    line: int
    phrase: str

    def __str__(self) -> str:
        """The phrase with its place, for a message."""
        return f"{self.path}:{self.line}: {self.phrase!r}"


def wrong_phrases(text: str) -> list[str]:
    """The phrases of `WRONG` in a text; what stands in backquotes is code."""
    return _PATTERN.findall(_CODE.sub("", text))


def _prose_of_python(text: str) -> Iterator[tuple[int, str]]:
    """Comments, docstrings, and texts of more than one word: messages and help."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            for number, line in enumerate(node.value.split("\n")):
                yield node.lineno + number, line


def wrong_in(path: Path) -> list[Found]:
    """The phrases of `WRONG` in a file: in a module its prose, in any other file its lines."""
    text = path.read_text(encoding="utf-8")
    lines = _prose_of_python(text) if path.suffix == ".py" else enumerate(text.splitlines(), 1)
    return [Found(path, number, phrase) for number, line in lines for phrase in wrong_phrases(line)]
