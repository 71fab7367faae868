"""The names of the places into which a replay puts records; see `archive.replay.destinations`."""

from typing import Final

STREAM: Final = "stream"
TABLE: Final = "table"
RAW: Final = "raw"
DESTINATIONS: Final = (STREAM, TABLE, RAW)
