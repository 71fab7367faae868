"""Files that are not what they seem, recognised by their first bytes, so that the error names what they are."""

import json
from collections.abc import Sequence
from typing import Final

_WIDE: Final = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_OTHER_DELIMITERS: Final = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def refuse_encoding(head: bytes, file_format: str, encoding: str | None) -> None:
    """Refuse text that is not UTF-8, where no encoding is given.

    A line of NDJSON that is not UTF-8 is a reject among others. A table is refused whole, because its texts would be
    accepted with the wrong letters, or nearly every row be refused.

    Raises:
        ValueError: it is in another encoding.
    """
    if encoding is not None:
        return
    for mark, name in _WIDE.items():
        if head.startswith(mark):
            raise ValueError(f"the text is {name.upper()}, not UTF-8: give --encoding {name}")
    if file_format not in {"csv", "tsv"}:
        return
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end == len(head) and error.reason == "unexpected end of data":
            return  # the first bytes end within a character
        found = head[error.start]
        raise ValueError(
            f"byte 0x{found:02x} at {error.start} is not UTF-8; it looks like Latin-1 ({chr(found)!r}): give "
            "--encoding latin-1"
        ) from error


def refuse_one_column(names: Sequence[str], delimiter: str) -> None:
    """Refuse a table whose first row is one name with other delimiters in it.

    Raises:
        ValueError: it seems to have another delimiter.
    """
    if len(names) > 1:
        return
    for other, called in _OTHER_DELIMITERS.items():
        if other != delimiter and other in names[0]:
            given = "'\\t' (or name the file .tsv)" if other == "\t" else f"'{other}'"
            raise ValueError(
                f"the first row is not separated by {delimiter!r} but by {called}: give --delimiter {given}"
            )


def refuse_pretty_json(head: bytes) -> None:
    """Refuse JSON whose first value goes over several lines.

    Raises:
        ValueError: it is not NDJSON.
    """
    first, line_feed, _ = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if not line_feed or not first.startswith((b"{", b"[")):
        return
    text = first.decode("utf-8", "replace").rstrip()
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text):  # it is right as far as it goes, and goes on
            advice = "give --format array" if text.startswith("[") else "jq -c . FILE makes a line of each"
            raise ValueError(f"this is JSON over several lines, not a line for each event: {advice}") from error
