"""Draws which folder imports which, and lists the rule of each, in docs/architecture.md.

`make architecture` runs it. An arrow that other arrows already imply is left out, so that the picture stays readable.
"""

import re
from typing import Final

from tests.architecture.folders import FOLDERS, ROOT, folder_imports

DOCUMENT: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- folders: make architecture -->"
END: Final = "<!-- end of folders -->"


def _reached(start: str, graph: dict[str, set[str]], skip: tuple[str, str]) -> set[str]:
    """Every folder that imports lead to from one, without one arrow."""
    found: set[str] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        for each in graph[here]:
            if (here, each) != skip and each not in found:
                found.add(each)
                todo.append(each)
    return found


def arrows(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that no other path of imports implies."""
    kept = {folder: set(imported) for folder, imported in graph.items()}
    for folder in sorted(kept):
        for each in sorted(kept[folder]):
            if each in _reached(folder, kept, (folder, each)):
                kept[folder].discard(each)
    return [(folder, each) for folder in sorted(kept) for each in sorted(kept[folder])]


def block() -> str:
    """The generated part of the page: the table of rules and the picture."""
    lines = ["| folder | rule |", "|---|---|"]
    lines += [f"| `{name}/` | {folder.rule} |" for name, folder in FOLDERS.items()]
    lines += ["", "```mermaid", "flowchart LR"]
    lines += [f'    {name.replace("/", "_")}["{name}/"]' for name in FOLDERS]
    lines += [
        f"    {folder.replace('/', '_')} --> {each.replace('/', '_')}" for folder, each in arrows(folder_imports())
    ]
    return "\n".join([*lines, "```"])


def document(text: str) -> str:
    """The page with its generated part as the code is now."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n\n{block()}\n\n{END}", text)


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
