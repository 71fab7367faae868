"""The Lambda package: one zip for all functions, the same bytes from the same source.

It holds the handlers' own code, what that reads, and the pinned requirements for Lambda's Linux. boto3 and botocore
are left out: the runtime has them.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from producers.explained import Explained

ROOT: Final = Path(__file__).parents[2]
REQUIREMENTS: Final = ROOT / "requirements" / "lambda.txt"
PACKAGE_FILE: Final = ROOT / "dist" / "lambda.zip"
CODE: Final = ("producers", "consumers", "archive")
# Beside those folders: what the scaling function is made of, and the files that the handlers read.
FILES: Final = (
    "archive/compaction/unload.sql",
    "infra/__init__.py",
    "infra/event.schema.json",
    "infra/prices.py",
    "infra/shards/*.py",
)

PYTHON: Final = "3.13"  # the functions' runtime
LAMBDA: Final = ("manylinux2014_aarch64", "manylinux_2_28_aarch64")  # arm64 on Amazon Linux 2023, glibc 2.34
MAX_ZIP_BYTES: Final = 50 * 1024 * 1024  # Lambda quota for a package that is uploaded directly

OLDEST: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold; every file has it
MODE: Final = 0o644 << 16
_LEFT_OUT: Final = frozenset({"__pycache__", "bin", "tests"})
_INSTALLER_FILES: Final = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})


class PackageError(Explained):
    """The package cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package as built.

    Args:
        file: the zip.
        size_bytes: of the zip.
        unpacked_bytes: of what is in it; Lambda takes 250 MiB.
        sha256: of the zip, in hexadecimal.
    """

    file: Path
    size_bytes: int
    unpacked_bytes: int
    sha256: str


def build(
    file: Path = PACKAGE_FILE, *, platforms: tuple[str, ...] = LAMBDA, python: str = PYTHON, root: Path = ROOT
) -> Package:
    """Build the package.

    Args:
        file: where to put the zip; what is there is replaced once the new one is whole.
        platforms: wheel tags to take compiled requirements for, the first that fits.
        python: version of the runtime, such as `3.13`.
        root: the folder with the code.

    Raises:
        PackageError: pip has no wheel of a requirement for the platform, or the zip is over Lambda's limit.
    """
    with tempfile.TemporaryDirectory(prefix="spillway-package-") as folder:
        requirements = Path(folder) / "requirements"
        _install(requirements, platforms, python)
        content = dict(_own_files(root)) | dict(_installed_files(requirements))
        built = Path(folder) / "lambda.zip"
        _write(built, content)
        size = built.stat().st_size
        if size >= MAX_ZIP_BYTES:
            raise PackageError(f"the package is {size:,} bytes; Lambda takes less than {MAX_ZIP_BYTES:,}")
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built, file)
        unpacked = sum(path.stat().st_size for path in content.values())
    return Package(file, size, unpacked, hashlib.sha256(file.read_bytes()).hexdigest())


def _install(folder: Path, platforms: tuple[str, ...], python: str) -> None:
    """Install the pinned requirements as wheels for another machine: nothing is built, every hash is checked."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    command += ["--requirement", str(REQUIREMENTS), "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--target", str(folder), "--implementation", "cp", "--python-version", python, "--only-binary", ":all:"]
    command += [word for platform in platforms for word in ("--platform", platform)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own words)
    if done.returncode != 0:
        reason = next((line for line in reversed(done.stderr.splitlines()) if "ERROR" in line), done.stderr.strip())
        raise PackageError(f"pip could not fetch {REQUIREMENTS.name} for {platforms[0]}: {reason}")


def _own_files(root: Path) -> Iterator[tuple[str, Path]]:
    """The handlers' code and what it reads, by its name in the zip."""
    for package in CODE:
        for path in (root / package).rglob("*.py"):
            yield path.relative_to(root).as_posix(), path
    for pattern in FILES:
        for path in root.glob(pattern):
            yield path.relative_to(root).as_posix(), path


def _installed_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The requirements, without what only pip or a test reads."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT.intersection(name.parts) and path.name not in _INSTALLER_FILES:
            yield name.as_posix(), path


def _write(file: Path, content: dict[str, Path]) -> None:
    """Write a zip whose bytes depend on names and contents alone."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, OLDEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = MODE
            entry.create_system = 3  # Unix, on every system
            archive.writestr(entry, content[name].read_bytes())
