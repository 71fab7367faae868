"""The checks of this machine, each where all is well and where it is not."""

import json
import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from infra.doctor import machine
from infra.doctor.finding import Finding, examine, named, well
from infra.doctor.machine import COMFORTABLE_FREE_BYTES, LEAST_FREE_BYTES, PROVIDER
from infra.local.store.folder import DATABASE_FILE, DataFolder
from infra.local.store.object_files import Put
from infra.local.store.schema import MIGRATIONS, prepare
from infra.local.store.store import opened
from producers.explained import Explained


@pytest.mark.parametrize(("version", "result"), [((3, 10), "failed"), ((3, 11), "ok"), ((3, 12), "ok"), ((4, 0), "ok")])
def test_python(version, result):
    found = machine.check_python(version)
    assert found.result == result
    assert ("3.11" in found.remedy) is (result == "failed")


@pytest.mark.parametrize(("is_spillway", "result"), [(False, "failed"), (True, "ok")])
def test_a_port_that_is_taken_is_well_only_where_the_pipeline_has_it(is_spillway, result):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = machine.check_port("HTTP port", other.getsockname()[1], "--port", lambda: is_spillway)
    assert found.result == result
    assert ("spillway run --port PORT" in found.remedy) is (result == "failed")


def test_a_free_port_is_well_and_nobody_is_asked():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    assert machine.check_port("HTTP port", port, "--port", lambda: pytest.fail("asked")).result == "ok"


@pytest.mark.parametrize(
    ("free", "result"),
    [
        (LEAST_FREE_BYTES - 1, "failed"),
        (LEAST_FREE_BYTES, "warning"),
        (COMFORTABLE_FREE_BYTES - 1, "warning"),
        (COMFORTABLE_FREE_BYTES, "ok"),
    ],
)
def test_the_disk_is_judged_by_what_is_free(free, result, tmp_path):
    found = machine.check_disk(tmp_path / "does" / "not" / "exist", lambda path: free if path == tmp_path else 0)
    assert found.result == result
    assert bool(found.remedy) is (result != "ok")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that was used and let go."""
    path = tmp_path / "data"
    with DataFolder(path):
        prepare(path / DATABASE_FILE)
    return path


def test_a_sound_data_folder_is_well(folder):
    found = machine.check_data_folder(folder)
    assert found.result == "ok", found
    assert "not in use" in found.looked_at
    assert "its database is sound" in found.looked_at


def test_a_data_folder_in_use_is_well_and_names_the_process_that_has_it(folder):
    with DataFolder(folder):
        found = machine.check_data_folder(folder)
        assert found.result == "ok"
        assert f"process {os.getpid()}" in found.looked_at
    with DataFolder(folder):  # the check let go of what it tried
        pass


def test_a_data_folder_that_is_not_there_yet_is_well(tmp_path):
    assert machine.check_data_folder(tmp_path / "none").result == "ok"


def test_a_file_in_its_place_is_not(tmp_path):
    (tmp_path / "data").write_text("")
    found = machine.check_data_folder(tmp_path / "data")
    assert found.result == "failed"
    assert "--data" in found.remedy


def set_pragma(folder: Path, pragma: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection:
        connection.execute(f"PRAGMA {pragma}")


def test_a_newer_format_is_not_touched_and_its_remedy_is_a_newer_spillway(folder):
    set_pragma(folder, f"user_version = {len(MIGRATIONS) + 1}")
    found = machine.check_data_folder(folder)
    assert (found.result, "newer" in found.remedy) == ("failed", True)


def test_another_programs_database_is_named(folder):
    set_pragma(folder, "application_id = 7")
    assert "not written by Spillway" in machine.check_data_folder(folder).looked_at


def test_a_damaged_database_is_found(folder):
    database = folder / DATABASE_FILE
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(database.read_bytes())
    data[4096 : 4096 * 3] = b"\xff" * 8192
    database.write_bytes(bytes(data))
    found = machine.check_data_folder(folder)
    assert found.result == "failed", found
    assert "damaged" in found.looked_at
    assert "backup" in found.remedy


def test_a_stored_file_that_is_missing_or_was_changed_is_found(tmp_path):
    folder = tmp_path / "data"
    with opened(folder) as store:
        store.objects.commit("b", [Put("changed", {}, b"x"), Put("gone", {}, b"x")], [])
    assert machine.check_data_folder(folder).result == "ok"
    (folder / "buckets" / "b" / "changed").write_bytes(b"longer")
    found = machine.check_data_folder(folder)
    assert found.result == "failed"
    assert found.looked_at.endswith("changed has 6 bytes, and 1 were written")
    assert found.remedy == "restore it from a backup"
    (folder / "buckets" / "b" / "gone").unlink()
    assert machine.check_data_folder(folder).looked_at.endswith(", and there are others")


def printed(version: str, provider: str | None = None) -> str:
    return json.dumps({"terraform_version": version, "provider_selections": {PROVIDER: provider} if provider else {}})


@pytest.mark.parametrize(
    ("version", "result"),
    [("1.10.9", "failed"), ("1.11.0", "ok"), ("1.11.0-rc1", "ok"), ("2.0.0", "ok"), ("0", "failed")],
)
def test_terraform_is_judged_by_its_version(version, result):
    found = machine.check_terraform(lambda: printed(version), {})
    assert found.result == result
    assert ("1.11" in found.remedy) is (result == "failed")


def test_a_missing_terraform_is_failed():
    def missing() -> str:
        raise FileNotFoundError("terraform")

    assert machine.check_terraform(missing, {}).result == "failed"
    assert machine.check_terraform(lambda: "not json", {}).result == "failed"


def test_a_plugin_folder_must_have_the_provider(tmp_path):
    variables = {"TERRAFORM_PLUGIN_DIR": str(tmp_path)}
    found = machine.check_terraform(lambda: printed("1.11.4"), variables)
    assert found.result == "failed"
    assert "TERRAFORM_PLUGIN_DIR" in found.remedy
    (tmp_path / PROVIDER).mkdir(parents=True)
    assert machine.check_terraform(lambda: printed("1.11.4"), variables).result == "ok"
    assert "5.100.0" in machine.check_terraform(lambda: printed("1.11.4", "5.100.0"), variables).looked_at


def test_a_check_that_cannot_look_is_a_finding_and_ends_no_other():
    def refused() -> Finding:
        raise Explained("no such place: make it")

    def unreadable() -> Finding:
        raise PermissionError(13, "Permission denied", "/x")

    found = list(examine([("a", refused), ("b", unreadable), named("c", well, "c", "fine")]))
    assert [each.result for each in found] == ["failed", "failed", "ok"]
    assert "no such place" in found[0].looked_at
    assert all(each.remedy for each in found[:2])
