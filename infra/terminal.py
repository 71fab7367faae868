"""Text of other people on a terminal: shown, never obeyed."""

import re
from typing import Final

# C0 and C1 controls, DEL, lone surrogates, and what changes the direction of text, breaks lines or is invisible.
_OBEYED: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def shown(text: str, *, keep: str = "") -> str:
    r"""A text with everything that a terminal would obey written out, such as `\x1b` or `\u202e`.

    Args:
        text: may come from an event, so from anybody.
        keep: control characters that stay, such as a line feed where lines are meant.
    """
    return _OBEYED.sub(lambda found: found[0] if found[0] in keep else _written_out(ord(found[0])), text)


def _written_out(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
