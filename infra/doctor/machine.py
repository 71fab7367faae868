"""Checks of this machine: Python, ports, disk, the data folder, Terraform."""

import fcntl
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from infra.deploy.terraform import PLUGIN_DIR_VARIABLE
from infra.doctor.finding import Finding, well
from infra.local.ports import PortTaken, require_free_port
from infra.local.store.folder import DATABASE_FILE, LOCK_FILE
from infra.local.store.integrity import integrity
from infra.local.store.schema import APPLICATION_ID, MIGRATIONS

LEAST_PYTHON: Final = (3, 11)
LEAST_TERRAFORM: Final = (1, 11)
PROVIDER: Final = "registry.terraform.io/hashicorp/aws"
LEAST_FREE_BYTES: Final = 200 * 1024 * 1024  # under it a day's events may not fit; a full disk is 503 at the door
COMFORTABLE_FREE_BYTES: Final = 2 * 1024 * 1024 * 1024


def check_python(version: tuple[int, int]) -> Finding:
    """Whether Python is new enough.

    Args:
        version: major and minor, such as (3, 11).
    """
    looked_at = f"Python {version[0]}.{version[1]}"
    if version < LEAST_PYTHON:
        return Finding("python", "failed", looked_at, f"install Python {LEAST_PYTHON[0]}.{LEAST_PYTHON[1]} or later")
    return well("python", looked_at)


def check_port(name: str, port: int, option: str, is_spillway: Callable[[], bool]) -> Finding:
    """Whether a port of this machine is free, or the pipeline's own.

    Args:
        name: of the check.
        port: which; 0 takes any free one.
        option: of `spillway run`, by which another one is chosen.
        is_spillway: asks whether the pipeline on this machine answers; called where the port is taken.
    """
    try:
        require_free_port(port, option)
    except PortTaken:
        if is_spillway():
            return well(name, f"port {port} is taken, and the pipeline on this machine answers")
        remedy = f"end the program that listens there (ss -ltnp 'sport = :{port}'), or: spillway run {option} PORT"
        return Finding(name, "failed", f"port {port}: another program has it", remedy)
    return well(name, f"port {port} is free")


def check_disk(folder: Path, free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> Finding:
    """Whether there is room for what will be accepted.

    Args:
        folder: the data folder; where it does not exist yet, the nearest one above it is looked at.
        free_bytes: gives the free bytes of a folder's disk.
    """
    exists = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = free_bytes(exists)
    looked_at = f"{free / 1024**3:,.1f} GiB free for {folder}"
    remedy = "make room, or name a folder on another disk: spillway run --data DIR"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "failed", looked_at, remedy)
    return Finding("disk", "warning", looked_at, remedy) if free < COMFORTABLE_FREE_BYTES else well("disk", looked_at)


def check_data_folder(folder: Path) -> Finding:
    """Whether the data folder can be used: its permissions, its lock, its format, its database and its files."""
    name, database = "data folder", folder / DATABASE_FILE
    if not folder.exists():
        return well(name, f"{folder} does not exist yet: spillway run makes it")
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        remedy = "give this user the right to write to it, or name another folder with --data"
        return Finding(name, "failed", f"{folder} is not a folder that can be written to", remedy)
    held = _held_by(folder / LOCK_FILE)
    state = f"in use by process {held}" if held else "not in use"
    if not database.exists():
        return well(name, f"{folder}, {state}, holds nothing yet")
    looked_at, remedy = _wrong_with_format(database)
    if looked_at:
        return Finding(name, "failed", looked_at, remedy)
    if found := integrity(folder):
        return _damaged(name, found)
    return well(name, f"{folder}, {state}; its database is sound, and every file has the size that was written")


def _damaged(name: str, found: list[str]) -> Finding:
    """The first line of `integrity`, each of which ends in what to do; and whether there are others."""
    looked_at, _, remedy = found[0].partition("; ")
    others = ", and there are others" if len(found) > 1 else ""
    return Finding(name, "failed", looked_at + others, remedy)


def _wrong_with_format(database: Path) -> tuple[str, str]:
    """Why this Spillway cannot read a database, and the remedy; empty where it can."""
    application, version = _format_of(database)
    if application != APPLICATION_ID:
        return f"{database} was not written by Spillway", "name another folder with --data"
    if version > len(MIGRATIONS):
        known = f"this Spillway knows formats up to {len(MIGRATIONS)}"
        remedy = "use the newer Spillway that wrote it, or name another folder with --data"
        return f"{database} has format {version}; {known}", remedy
    return "", ""


def check_terraform(version: Callable[[], str], environment: Mapping[str, str]) -> Finding:
    """Whether Terraform and its AWS provider are there.

    Args:
        version: gives what `terraform version -json` prints; raises FileNotFoundError where there is no Terraform.
        environment: variables of this process.
    """
    install = f"install Terraform {LEAST_TERRAFORM[0]}.{LEAST_TERRAFORM[1]} or later"
    try:
        printed: dict[str, Any] = json.loads(version())
    except FileNotFoundError:
        return Finding("terraform", "failed", "terraform is not on PATH", install)
    except ValueError:
        return Finding("terraform", "failed", "terraform version -json does not print JSON", install)
    found = str(printed.get("terraform_version", "0"))
    if tuple(int(part) for part in found.partition("-")[0].split(".")[:2]) < LEAST_TERRAFORM:
        return Finding("terraform", "failed", f"Terraform {found}", install)
    plugins = environment.get(PLUGIN_DIR_VARIABLE)
    if plugins and not (Path(plugins) / PROVIDER).is_dir():
        looked_at = f"Terraform {found}; {PLUGIN_DIR_VARIABLE} is {plugins}, which has no {PROVIDER}"
        return Finding("terraform", "failed", looked_at, f"put the provider there, or unset {PLUGIN_DIR_VARIABLE}")
    provider = (printed.get("provider_selections") or {}).get(PROVIDER)
    if provider:
        return well("terraform", f"Terraform {found}, provider {provider}")
    where = f"from {plugins}" if plugins else "from the registry"
    return well("terraform", f"Terraform {found}; spillway deploy fetches the provider {where}")


def _held_by(lock: Path) -> str | None:
    """The process that holds a data folder; None where none does. The lock is tried and given back, never changed."""
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(handle)
    return None


def _format_of(database: Path) -> tuple[int, int]:
    """Which program wrote a database, and in which format; zeros where SQLite cannot read it."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
            application: int = connection.execute("PRAGMA application_id").fetchone()[0]
            version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError:
        return APPLICATION_ID, 0  # `integrity` says what is wrong with it
    return application, version
