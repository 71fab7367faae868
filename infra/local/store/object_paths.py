"""Where objects lie below their bucket's folder: at their keys, where those can be paths."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAX_NAME_BYTES: Final = 255  # of a file or folder
HIDDEN_FOLDER: Final = ".keys"  # below a bucket: objects whose keys cannot be paths
CHUNK_BYTES: Final = 1024 * 1024


def md5_of(file: Path) -> str:
    """The MD5 of a file, in hexadecimal: the ETag of an object that was put in one part."""
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def can_be_path(key: str) -> bool:
    """Whether a file can have a key as its path."""
    parts = key.split("/")
    odd = any(part in {"", ".", ".."} or len(part.encode()) > MAX_NAME_BYTES for part in parts)
    return not odd and "\0" not in key and parts[0] != HIDDEN_FOLDER and len(key.encode()) < 1024


def hidden(key: str) -> str:
    """The path of an object whose key cannot be one."""
    return f"{HIDDEN_FOLDER}/{hashlib.sha256(key.encode()).hexdigest()}"


def files_below(folder: Path) -> Iterator[Path]:
    """Every file whose path is its key."""
    for place, folders, files in os.walk(folder):
        if HIDDEN_FOLDER in folders and Path(place) == folder:
            folders.remove(HIDDEN_FOLDER)
        yield from (Path(place) / name for name in files)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that nothing is in."""
    try:
        folder.rmdir()
    except OSError:
        return


def make_folders(folder: Path) -> set[Path]:
    """Make a folder and those above it; gives each whose entries changed, and the folder itself."""
    changed = {folder}
    while not folder.is_dir():
        folder = folder.parent
        changed.add(folder)
    for each in sorted(changed, key=lambda place: len(place.parts)):
        each.mkdir(exist_ok=True)
    return changed
