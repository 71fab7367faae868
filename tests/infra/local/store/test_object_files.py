"""Objects as files: a process killed at any step leaves the whole object, or the one before it."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.store.crash_points import VARIABLE, CrashPlan, CrashPoint
from infra.local.store.object_files import Put
from infra.local.store.store import opened

# Puts over an object, puts a new one and deletes a third, in three commits, in a process of its own.
SCRIPT = """
import sys
from pathlib import Path
from infra.local.store.object_files import Put
from infra.local.store.store import opened
with opened(Path(sys.argv[1])) as store:
    store.objects.commit("b", [Put("over", {"v": 2}, b"second")], [])
    store.objects.commit("b", [Put("new/x", {"v": 1}, b"new")], [])
    store.objects.commit("b", [], ["gone"])
"""
POINTS = [
    CrashPoint.OBJECT_ASIDE, CrashPoint.OBJECT_RECORDED, CrashPoint.OBJECT_IN_PLACE, CrashPoint.DELETION_RECORDED,
    CrashPoint.DELETION_DONE, CrashPoint.BEFORE_COMMIT, CrashPoint.AFTER_COMMIT,
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_kill_between_two_steps_leaves_whole_objects(tmp_path: Path, point: CrashPoint, count: int) -> None:
    data = tmp_path / "data"
    with opened(data) as store:
        store.objects.commit("b", [Put("over", {"v": 1}, b"first"), Put("gone", {}, b"x")], [])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(data)], env={VARIABLE: f"{point}:{count}"}, check=False, timeout=60
    )
    assert done.returncode in {0, -9}
    with opened(data) as store:
        objects = store.objects
        assert objects.adopt(lambda _: {"adopted": True}) == (0, 0), (
            "a file without its metadata, or the other way round"
        )
        over = objects.get("b", "over")
        assert over is not None
        assert (over.state["v"], over.file.read_bytes()) in [(1, b"first"), (2, b"second")]
        new = objects.get("b", "new/x")
        assert new is None or (new.state, new.file.read_bytes()) == ({"v": 1}, b"new")
        gone = objects.get("b", "gone")
        assert gone is None or gone.file.read_bytes() == b"x"
        assert list((data / "aside").iterdir()) == []
        if done.returncode == 0:
            assert (over.state["v"], new is None, gone) == (2, False, None)


def test_a_file_put_into_a_bucket_by_hand_is_an_object_after_the_next_start(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.objects.commit("b", [Put("kept", {}, b"x"), Put("taken/away", {}, b"x")], [])
        (store.folder.buckets / "b" / "by").mkdir()
        (store.folder.buckets / "b" / "by" / "hand").write_bytes(b"abc")
        (store.folder.buckets / "b" / "taken" / "away").unlink()
        assert store.objects.adopt(lambda file: {"size": file.stat().st_size}) == (1, 1)
        assert [each.key for each in store.objects.listed("b")] == ["by/hand", "kept"]


def test_an_unknown_crash_point_is_refused() -> None:
    with pytest.raises(ValueError, match="no-such"):
        CrashPlan("no-such-point")
