"""The check of a data folder that `spillway doctor` makes."""

from pathlib import Path

from infra.local.store.integrity import integrity
from infra.local.store.object_files import Put
from infra.local.store.store import opened


def test_a_sound_folder_and_one_without_data_have_no_problem(tmp_path: Path) -> None:
    assert integrity(tmp_path / "none") == []
    with opened(tmp_path / "data") as store:
        store.objects.commit("b", [Put("kept", {}, b"x")], [])
        assert integrity(tmp_path / "data") == []  # while it runs


def test_an_object_whose_file_is_missing_or_was_changed_is_named(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.objects.commit("b", [Put("changed", {}, b"x"), Put("gone", {}, b"x")], [])
    (tmp_path / "data" / "buckets" / "b" / "changed").write_bytes(b"longer")
    (tmp_path / "data" / "buckets" / "b" / "gone").unlink()
    changed, gone = integrity(tmp_path / "data")
    assert changed.endswith("changed has 6 bytes, and 1 were written; restore it from a backup")
    assert "gone is missing" in gone


def test_a_damaged_database_is_reported_with_what_to_do(tmp_path: Path) -> None:
    with opened(tmp_path / "data"):
        pass
    database = tmp_path / "data" / "spillway.db"
    database.write_bytes(b"\xaa" * database.stat().st_size)
    [problem] = integrity(tmp_path / "data")
    assert "spillway.db is damaged" in problem
    assert "start over with --fresh" in problem


def test_a_listing_passes_over_files_that_were_deleted_by_hand(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.objects.commit("b", [Put(f"{number}", {}, b"x") for number in range(6)], [])
        for number in (0, 1, 2, 5):
            (store.folder.buckets / "b" / f"{number}").unlink()
        assert [each.key for each in store.objects.listed("b", limit=1)] == ["3"]
        assert [each.key for each in store.objects.listed("b", limit=2)] == ["3", "4"]
        assert [each.key for each in store.objects.listed("b")] == ["3", "4"]
        assert not store.objects.has_any("b", "5", "6")
