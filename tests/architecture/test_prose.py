"""Plain English: phrases that always read as a riddle stand in no page, docstring, comment, message or help text."""

import pytest

from tests.architecture.folders import LAYERS, ROOT
from tests.architecture.prose import wrong_in, wrong_phrases

KINDS = ("*.py", "*.md", "*.yaml", "*.tf", "*.hcl", "*.sql", "*.in")
FILES = sorted(
    path
    for folder in (*LAYERS, "tests", "docs", "requirements", ".github")
    for kind in KINDS
    for path in (ROOT / folder).rglob(kind)
    if path.stem not in {"prose", "test_prose"} and ".terraform" not in path.parts
) + sorted([*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"])


def test_no_file_has_a_phrase_that_reads_as_a_riddle():
    found = [each for path in FILES for each in wrong_in(path)]
    assert not found, "say it in plain words (tests/architecture/prose.py): " + "; ".join(map(str, found))


@pytest.mark.parametrize(
    "text",
    [
        "The alarm tells nobody.",
        "A mended payload.",
        "Bytes that are none.",
        "There is none.",
        "It is not to be had.",
        "Whatever how often it comes.",
        "Those of Terraform need it.",
        "What is no event.",
    ],
)
def test_a_riddle_is_found(text):
    assert len(wrong_phrases(text)) == 1


@pytest.mark.parametrize(
    "text", ["The alarm reports it.", "There are none left.", "It calls `sink.tell()`.", "amended"]
)
def test_plain_words_are_not(text):
    assert wrong_phrases(text) == []


def test_a_phrase_is_found_in_comments_docstrings_and_messages_and_not_in_code(tmp_path):
    module = tmp_path / "module.py"
    text = (
        '"""Pages.\n\nIt tells."""\nx = 1  # those of\nraise ValueError(\n    f"{x} is to be had"\n)\n'
        'sink.tell()\nwhatever = "told"\n'
    )
    module.write_text(text)
    assert [(each.line, each.phrase) for each in wrong_in(module)] == [
        (4, "those of"),
        (3, "tells"),
        (6, "to be had"),
    ]
