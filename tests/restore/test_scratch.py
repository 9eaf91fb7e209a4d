"""Scratch databases lie in directories of their own, private, named for what they hold."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.domain import Position, RestorePoint
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreResult
from sqlite_recovery_tui.restore.scratch import (
    MANIFEST,
    proposed_path,
    remove,
    scratch_path,
    scratches,
    write_manifest,
)
from sqlite_recovery_tui.restore.target import Latest
from tests.support.listings import A, at, timeline

POINT = RestorePoint(Position(A, 0x12, 0x41038), at(2551), "key")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "scratch"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def a_scratch(folder: Path, name: str = "app.db", **verdict: Any) -> Path:
    """Pretend a restore to a new scratch, manifest and all; return the database's path."""
    path = scratch_path(folder, name, POINT)
    path.write_bytes(b"restored")
    plan = make_plan(timeline("S0@0 0.0@1"), Latest(), database="/srv/app.db", replica="s3", url="s3://b/app")
    result = RestoreResult(
        output=path,
        plan=plan,
        position=POINT.position,
        time=POINT.time,
        objects=2,
        bytes_fetched=1100,
        objects_reused=0,
        pages=1,
        page_size=4096,
        duration_seconds=0.5,
        continuity="proven",
    )
    write_manifest(result, verdict or None)
    return path


def test_a_name_tells_database_time_and_position(folder: Path) -> None:
    path = scratch_path(folder, "/srv/data/app.db", POINT)
    assert path == folder / "app-20260326T104231-00000012-00041038" / "app.db"
    assert path == proposed_path(folder, "/srv/data/app.db", POINT)
    assert not path.exists()


@pytest.mark.usefixtures("open_umask")
def test_everything_is_private_under_any_umask(folder: Path) -> None:
    path = a_scratch(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (path.parent / MANIFEST).stat().st_mode & 0o777 == 0o600


def test_the_same_point_again_gets_a_directory_of_its_own(folder: Path) -> None:
    paths = [scratch_path(folder, "app.db", POINT) for _ in range(3)]
    assert [path.parent.name[-6:] for path in paths] == ["041038", "1038-2", "1038-3"]


def test_proposing_makes_nothing(folder: Path) -> None:
    proposed_path(folder, "app.db", POINT)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("database", "name"),
    [
        ("app.db", "app.db"),
        ("/srv/données clients.db", "donn_es_clients.db"),
        ("..", "database"),
        (".", "database"),
        ("", "database"),
        (".hidden.db", "hidden.db"),
        ("a/../../etc/passwd", "passwd"),
        ("\x1b[31mred\n", "__31mred_"),
        ("manifest.json", "database-manifest.json"),
        ("x" * 400, "x" * 100),
    ],
)
def test_any_name_stays_inside_and_writable(database: str, name: str, folder: Path) -> None:
    path = scratch_path(folder, database, POINT)
    assert path.name == name
    assert path.parent.parent == folder
    path.write_bytes(b"x")
    assert path.resolve().is_relative_to(folder.resolve())


@pytest.mark.parametrize("kind", ["link", "file", "world-writable", "below a file"])
def test_a_directory_that_is_not_safe_is_refused(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        folder.write_text("x")
    elif kind == "below a file":
        folder.write_text("x")
        folder = folder / "deeper"
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(RefusedError, match="scratch directory") as caught:
        scratch_path(folder, "app.db", POINT)
    assert "scratch-dir" in caught.value.hint
    assert not list(tmp_path.glob("elsewhere/*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a directory away")
def test_a_directory_of_somebody_else_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.chown(folder, 65534, 65534)
    with pytest.raises(RefusedError, match="somebody else"):
        scratch_path(folder, "app.db", POINT)


def test_a_place_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(RefusedError, match="cannot write to the scratch directory"):
        scratch_path(Path("/proc/scratch"), "app.db", POINT)


def test_a_manifest_tells_what_it_was_made_from(folder: Path) -> None:
    path = a_scratch(folder, kind="full", ok=True)
    told = json.loads((path.parent / MANIFEST).read_text())
    assert told["sha256"] == hashlib.sha256(b"restored").hexdigest()
    assert told["tool"] == __version__
    assert told["position"] == {"generation": A, "index": 0x12, "offset": 0x41038}
    assert told["integrity"] == {"kind": "full", "ok": True}
    assert [source["object"].rpartition("/")[2] for source in told["sources"]] == [
        "00000000.snapshot.lz4",
        "00000000_00000000.wal.lz4",
    ]
    assert told["sources"][0]["size"] == 1000
    assert sorted(item.name for item in path.parent.iterdir()) == ["app.db", MANIFEST]


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


def test_a_manifest_that_vanishes_while_they_are_listed_is_passed_over(folder: Path) -> None:
    first, second = a_scratch(folder, "a.db"), a_scratch(folder, "b.db")
    listed = scratches(folder)
    found = next(listed)
    other = second if found.path == first else first
    (other.parent / MANIFEST).unlink()
    assert list(listed) == []


def test_a_scratch_goes_with_its_directory_and_nothing_else(folder: Path) -> None:
    first, second = a_scratch(folder, "a.db"), a_scratch(folder, "b.db")
    (scratch,) = (scratch for scratch in scratches(folder) if scratch.path == first)
    remove(scratch)
    assert not first.parent.exists()
    assert [scratch.path for scratch in scratches(folder)] == [second]
