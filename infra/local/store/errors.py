"""What can be wrong with a data folder. Each message is one line that names the folder and the next step."""

from producers.explained import Explained


class StoreError(Explained):
    """The data folder cannot be used."""


class StoreInUse(StoreError):
    """Another process runs on it."""


class StoreVersionUnknown(StoreError):
    """A newer Spillway wrote it, or another program."""


class StoreDamaged(StoreError):
    """SQLite cannot read its database."""


class StoreUnwritable(StoreError):
    """It is missing, read-only, not a folder, or on a file system without locks."""


class StoreFull(Exception):
    """The disk takes no more. What was to be written is not there, and a later try may succeed."""


class StoreClosed(Exception):
    """The store was closed before this was written."""
