"""Scratch databases lie in directories of their own, private, named for what they hold."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.restore.scratch import (
    MANIFEST,
    announce,
    note_integrity,
    proposed_path,
    scratch_path,
)
from tests.support.listings import A, at
from tests.support.scratches import PLAN, POINT, a_scratch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "scratch"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


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


def test_what_a_scratch_will_be_made_from_is_written_before_its_file(folder: Path) -> None:
    path = scratch_path(folder, "app.db", POINT)
    announce(PLAN, path, at(7))
    told = json.loads((path.parent / MANIFEST).read_text())
    assert (told["output"], told["sha256"], told["integrity"]) == (str(path), None, None)
    assert told["made"] == at(7).isoformat().replace("+00:00", "Z")
    assert len(told["sources"]) == 2


def test_the_verdict_of_checks_is_added_to_the_manifest_of_a_scratch_only(folder: Path) -> None:
    path = a_scratch(folder)
    before = json.loads((path.parent / MANIFEST).read_text())
    note_integrity(path, {"kind": "full", "ok": True, "messages": []})
    after = json.loads((path.parent / MANIFEST).read_text())
    assert after == {**before, "integrity": {"kind": "full", "ok": True, "messages": []}}

    other = path.with_name("other.db")
    note_integrity(other, {"kind": "full", "ok": False})
    note_integrity(folder / "elsewhere" / "app.db", {"kind": "full", "ok": False})
    assert json.loads((path.parent / MANIFEST).read_text()) == after
    assert not (folder / "elsewhere").exists()
