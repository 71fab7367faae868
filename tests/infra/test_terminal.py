"""Text of other people on a terminal is shown, never obeyed."""

import sys
import unicodedata

import pytest

from infra.terminal import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202egpj.exe", r"a\u202egpj.exe"),
        ("a\rb\nc\td\x7f", r"a\x0db\x0ac\x09d\x7f"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("Zoë 👩\u200d🔬 ünd", "Zoë 👩\u200d🔬 ünd"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text, expected):
    assert shown(text) == expected


def test_what_is_kept_is_kept():
    assert shown("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def test_no_character_that_controls_a_terminal_or_turns_text_is_left():
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for character in map(chr, range(sys.maxunicode + 1)):
        controls = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        if controls or unicodedata.bidirectional(character) in turning or character in "\u200e\u200f\u061c":
            assert shown(character) != character, hex(ord(character))
