"""Inflating a gzip body: every member of it, nothing after it, never more than a limit."""

import zlib
from typing import Final

MAGIC: Final = b"\x1f\x8b"  # JSON never begins with these bytes
FIRST_PIECE_BYTES: Final = 512
LARGEST_PIECE_BYTES: Final = 64 * 1024
_GZIP: Final = zlib.MAX_WBITS | 16


class NotGzip(Exception):
    """The bytes are not a whole gzip body; the message says why."""


class TooLarge(Exception):
    """The inflated body is over the limit."""


def inflate(body: bytes, limit_bytes: int) -> bytes:
    """Inflate a body of one or more gzip members (RFC 1952, section 2.2).

    Each member is read in pieces that grow, since zlib copies what follows a member: 6 MB of empty members would
    otherwise be copied 300,000 times.

    Args:
        body: the compressed bytes.
        limit_bytes: of the inflated body.

    Raises:
        NotGzip: a member is damaged or cut short, or other bytes follow the last one.
        TooLarge: it inflates to more than the limit.
    """
    inflated = bytearray()
    position = 0
    while position < len(body):
        position = _inflate_member(body, position, inflated, limit_bytes)
    return bytes(inflated)


def _inflate_member(body: bytes, position: int, inflated: bytearray, limit_bytes: int) -> int:
    """Inflate the member at a position; return where it ends."""
    inflater = zlib.decompressobj(wbits=_GZIP)
    piece_bytes = FIRST_PIECE_BYTES
    while not inflater.eof:
        piece = body[position : position + piece_bytes]
        if not piece:
            raise NotGzip("it ends in the middle of a gzip member")
        try:
            inflated += inflater.decompress(piece, limit_bytes + 1 - len(inflated))
        except zlib.error as error:
            raise NotGzip(f"the gzip member at byte {position:,} cannot be read: {error}") from None
        if len(inflated) > limit_bytes:
            raise TooLarge
        position += len(piece) - len(inflater.unconsumed_tail) - len(inflater.unused_data)
        piece_bytes = min(piece_bytes * 2, LARGEST_PIECE_BYTES)
    return position
