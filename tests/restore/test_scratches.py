"""Scratch databases are listed with where they are from, and go whole or not at all."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import NotFoundError, RefusedError
from sqlite_recovery_tui.restore import scratches as module
from sqlite_recovery_tui.restore.scratch import MANIFEST, note_integrity
from sqlite_recovery_tui.restore.scratches import Scratch, find, holders, remove, scratches, sweep
from sqlite_recovery_tui.restore.work import work_path
from tests.support.listings import A, at
from tests.support.scratches import POINT, a_scratch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "scratch"


def the(path: Path) -> Scratch:
    return find(path.parent.parent, str(path))


@contextmanager
def held_open(path: Path) -> Iterator[int]:
    """Hold a file open in a process of its own."""
    code = "import sys; file = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process.pid
        process.communicate()


def test_a_scratch_tells_its_origin(folder: Path) -> None:
    path = a_scratch(folder, made=at(3600))
    scratch = the(path)
    assert (scratch.database, scratch.replica, scratch.url) == ("app.db", "s3", "s3://b/app")
    assert scratch.time == POINT.time
    assert scratch.position == f"{A}/00000012:00041038"
    assert scratch.made == at(3600)
    assert scratch.name == "app-20260326T104231-00000012-00041038"
    assert scratch.size == len(b"restored")
    assert scratch.to_json()["made"] == at(3600).isoformat().replace("+00:00", "Z")


def test_a_verdict_says_no_more_than_was_checked(folder: Path) -> None:
    unchecked, sound = a_scratch(folder), a_scratch(folder, kind="full", ok=True)
    broken = a_scratch(folder, kind="full", ok=False)
    short = a_scratch(folder, lost=("one segment",), kind="full", ok=True)
    words = {the(path).verdict: the(path).state for path in (unchecked, sound, broken, short)}
    assert words == {
        "restored": "proven, not checked",
        "checked": "proven, checks passed",
        "damaged": "damaged",
        "incomplete": "not everything is there",
    }
    note_integrity(unchecked, {"kind": "full", "ok": False, "messages": ["page 3"]})
    assert the(unchecked).verdict == "damaged"


def test_scratches_are_listed_newest_first(folder: Path) -> None:
    paths = [a_scratch(folder, name) for name in ("a.db", "b.db", "c.db")]
    for age, path in enumerate(paths):
        os.utime(path.parent / MANIFEST, (1000 - age, 1000 - age))
    found = list(scratches(folder))
    assert [scratch.path for scratch in found] == paths
    assert found[0].size == len(b"restored")
    assert found[0].manifest["database"] == "/srv/app.db"


def test_what_is_not_ours_is_not_listed(folder: Path, tmp_path: Path) -> None:
    good = a_scratch(folder)
    for name, text in {
        "empty": "",
        "no-json": "{",
        "a-list": "[]",
        "no-output": "{}",
        "a-number": '{"output": 5}',
        "nothing": '{"output": ""}',
        "a-dot": '{"output": "."}',
        "above": '{"output": ".."}',
        "gone": '{"output": "/x/gone.db"}',
        "bytes": "\x00",
    }.items():
        (folder / name).mkdir()
        (folder / name / MANIFEST).write_text(text)
    (folder / "no-manifest").mkdir()
    (folder / "no-manifest" / "app.db").write_bytes(b"x")
    outside = a_scratch(tmp_path / "elsewhere")
    (folder / "link").symlink_to(outside.parent)
    assert [scratch.path for scratch in scratches(folder)] == [good]


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert list(scratches(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("nonsense", ['{"output": "app.db", "made": 5, "position": [], "time": "soon"}'])
def test_a_manifest_with_nonsense_in_it_is_read_as_far_as_it_makes_sense(nonsense: str, folder: Path) -> None:
    path = a_scratch(folder)
    (path.parent / MANIFEST).write_text(nonsense)
    scratch = the(path)
    assert (scratch.time, scratch.position, scratch.url, scratch.continuity) == (None, "", "", "")
    assert scratch.database == "app.db"
    assert scratch.made.tzinfo is not None


def test_a_name_nobody_knows_is_not_found(folder: Path) -> None:
    path = a_scratch(folder)
    assert find(folder, path.parent.name) == find(folder, str(path.parent)) == find(folder, str(path))
    with pytest.raises(NotFoundError, match="no scratch database is named other"):
        find(folder, "other")


def test_a_scratch_goes_with_its_directory_and_nothing_else(folder: Path) -> None:
    first, second = a_scratch(folder, "a.db"), a_scratch(folder, "b.db")
    (scratch,) = (scratch for scratch in scratches(folder) if scratch.path == first)
    remove(scratch)
    assert not first.parent.exists()
    assert [scratch.path for scratch in scratches(folder)] == [second]
    assert list(folder.iterdir()) == [second.parent]


def test_what_is_open_in_another_process_stays(folder: Path) -> None:
    path = a_scratch(folder)
    with held_open(path) as pid:
        assert f"(pid {pid})" in holders(the(path))
        with pytest.raises(RefusedError, match=f"is open in python.* \\(pid {pid}\\)"):
            remove(the(path))
        assert path.exists()
    remove(the(path))
    assert not path.exists()


def test_what_somebody_opens_while_it_goes_comes_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_scratch(folder)
    scratch = the(path)
    looks = iter(["", "a late reader"])
    monkeypatch.setattr(module, "holders", lambda _: next(looks))
    with pytest.raises(RefusedError, match="a late reader"):
        remove(scratch)
    assert the(path) == scratch
    assert [item.name for item in folder.iterdir()] == [path.parent.name]


def test_what_a_restore_is_writing_stays(folder: Path) -> None:
    path = a_scratch(folder)
    work = work_path(path)
    work.mkdir(mode=0o700)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RefusedError, match="open in a restore"):
            remove(the(path))
    remove(the(path))
    assert not path.parent.exists()


def test_what_somebody_else_put_beside_it_keeps_it(folder: Path) -> None:
    path = a_scratch(folder)
    (path.parent / "orders.csv").write_text("mine")
    with pytest.raises(RefusedError, match=r"also holds orders\.csv"):
        remove(the(path))
    assert path.exists()
    assert (path.parent / "orders.csv").exists()


def test_a_directory_that_became_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    path = a_scratch(folder)
    scratch = the(path)
    elsewhere = path.parent.rename(tmp_path / "elsewhere")
    path.parent.symlink_to(elsewhere)
    with pytest.raises(RefusedError, match="not a directory of our own making"):
        remove(scratch)
    assert (elsewhere / path.name).exists()


def test_one_that_is_gone_is_not_found(folder: Path) -> None:
    path = a_scratch(folder)
    scratch = the(path)
    remove(scratch)
    with pytest.raises(NotFoundError, match="is gone"):
        remove(scratch)


def test_a_deletion_that_was_killed_is_finished_by_the_next(folder: Path) -> None:
    path, other = a_scratch(folder), a_scratch(folder)
    path.parent.rename(folder / f".deleted-{path.parent.name}-1-1")
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / ".deleted-link").symlink_to(outside)
    assert [scratch.path for scratch in scratches(folder)] == [other], "half of it is not a scratch"
    sweep(folder)
    assert sorted(item.name for item in folder.iterdir()) == [".deleted-link", other.parent.name]
    assert outside.exists()
    assert os.path.lexists(other)
