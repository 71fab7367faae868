"""One answer of HTTP/1.1, read from a connection."""

from typing import BinaryIO, Final, NamedTuple

MAX_LINE_BYTES: Final = 65_536


class Answer(NamedTuple):
    """An answer; header names are in lower case.

    Args:
        status, reason: of its first line.
        headers: the last value of each name.
        body: without its transfer coding.
        is_last: whether the connection takes no further request.
    """

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    is_last: bool


def read_answer(reader: BinaryIO) -> Answer:
    """Read one answer: by its length, in chunks, or to the end of the connection.

    Raises:
        OSError: the connection ends before the answer does, or its bytes are not HTTP.
    """
    version, _, rest = _line(reader).partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise ConnectionError(f"not an answer of HTTP: {version!r:.40}")
    headers: dict[str, str] = {}
    while line := _line(reader):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := _chunk_size(_line(reader)):
            parts.append(_exactly(reader, size))
            _line(reader)
        while _line(reader):
            pass
        body, has_end = b"".join(parts), True
    else:
        length = headers.get("content-length", "")
        has_end = length.isdecimal()
        body = _exactly(reader, int(length)) if has_end else reader.read()
    is_last = not has_end or version == "HTTP/1.0" or headers.get("connection", "").lower() == "close"
    return Answer(int(rest[:3]), rest[4:], headers, body, is_last)


def _line(reader: BinaryIO) -> str:
    line = reader.readline(MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise ConnectionError("the connection ended before the answer did")
    return line.decode("latin-1").rstrip("\r\n")


def _exactly(reader: BinaryIO, size: int) -> bytes:
    body = reader.read(size)
    if len(body) < size:
        raise ConnectionError(f"the answer has {len(body):,} of its {size:,} bytes")
    return body


def _chunk_size(line: str) -> int:
    try:
        return int(line.partition(";")[0], 16)
    except ValueError:
        raise ConnectionError(f"not the size of a chunk: {line!r:.40}") from None
