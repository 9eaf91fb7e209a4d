"""What is not a copy of ours any more is never written over; what can be told from the file is told."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import NotFoundError, RefusedError
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import create
from sqlite_recovery_tui.restore.live.faults import CopyBusy, CopyChanged
from sqlite_recovery_tui.restore.live.state import CopyLock
from sqlite_recovery_tui.restore.place import NoSpaceError
from tests.support.copies import URL, Primary, begin, difference, fixed_clock, mark, same
from tests.support.sql_process import SqlProcess

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Primary]:
    made = Primary(tmp_path / "primary.db")
    made.history(4)
    yield made
    made.close()


@pytest.fixture
def copy(primary: Primary, tmp_path: Path) -> Iterator[LiveCopy]:
    with begin(tmp_path, primary.states[1]) as made:
        yield made


def _write(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE version SET n = 77")
    connection.commit()
    connection.close()


def _to_wal(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _wal_in_use(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"something")


def _remove(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    shutil.copy(path, f"{path}.new")
    os.replace(f"{path}.new", path)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def _follow_with_litestream(path: Path) -> None:
    Path(f"{path}-txid").write_text("0000000000000009\n")


@pytest.mark.parametrize(
    "deed", [_write, _to_wal, _wal_in_use, _remove, _replace, _cut, _follow_with_litestream]
)
def test_an_update_over_what_somebody_did_is_refused(
    deed: Callable[[Path], None], copy: LiveCopy, primary: Primary
) -> None:
    deed(copy.path)
    before = copy.path.read_bytes() if copy.path.exists() else None
    for attempt in (
        copy.verify,
        lambda: copy.apply(*difference(primary.states[1], primary.states[2]), mark(2)),
    ):
        with pytest.raises(CopyChanged):
            attempt()
    assert (copy.path.read_bytes() if copy.path.exists() else None) == before


@pytest.mark.parametrize("deed", [_write, _to_wal, _cut])
def test_going_on_from_what_somebody_changed_is_refused(deed: Callable[[Path], None], copy: LiveCopy) -> None:
    copy.close()
    deed(copy.path)
    before = copy.path.read_bytes()
    with pytest.raises(CopyChanged, match="written to by somebody else"):
        LiveCopy.open(copy.path, url=URL)
    assert copy.path.read_bytes() == before


def test_many_commits_of_somebody_else_are_not_taken_for_an_update(copy: LiveCopy, primary: Primary) -> None:
    path = copy.path
    with SqlProcess(path) as other:
        other.rows("BEGIN")
        other.rows("SELECT * FROM version")
        copy._gate._clock = fixed_clock()
        with pytest.raises(CopyBusy):
            copy.apply(*difference(primary.states[1], primary.states[2]), mark(2))
        other.rows("COMMIT")
        copy.close()  # its state names where the update would have led
        for number in range(20):
            other.rows(f"UPDATE version SET n = {number}")
    with pytest.raises(CopyChanged):
        LiveCopy.open(path, url=URL)


def test_what_somebody_began_and_died_over_is_rolled_back_first(copy: LiveCopy, primary: Primary) -> None:
    with SqlProcess(copy.path) as other:
        other.rows("PRAGMA cache_size=1")
        other.rows("BEGIN")
        other.rows("UPDATE t SET body = zeroblob(3000)")
        assert Path(f"{copy.path}-journal").stat().st_size > 0
        copy._gate._clock = fixed_clock()
        with pytest.raises(CopyBusy, match="written to by somebody else"):
            copy.apply(*difference(primary.states[1], primary.states[2]), mark(2))
        other.kill()
    copy.apply(*difference(primary.states[1], primary.states[2]), mark(2))
    assert same(copy.path.read_bytes(), primary.states[2])


def test_another_name_of_the_file_is_refused(copy: LiveCopy, primary: Primary, tmp_path: Path) -> None:
    os.link(copy.path, tmp_path / "other.db")
    with pytest.raises(RefusedError, match="2 names"):
        copy.apply(*difference(primary.states[1], primary.states[2]), mark(2))


def test_there_is_one_follower(copy: LiveCopy, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="another process follows into"):
        LiveCopy.open(copy.path, url=URL)
    with pytest.raises(RefusedError, match="another process follows into"):
        CopyLock(copy.path)
    copy.close()
    LiveCopy.open(copy.path, url=URL).close()
    CopyLock(copy.path).release()
    assert not list(tmp_path.glob(".*.lock"))


def test_a_copy_of_another_replica_is_refused(copy: LiveCopy) -> None:
    copy.close()
    with pytest.raises(RefusedError, match="follows file:///replica, not file:///other"):
        LiveCopy.open(copy.path, url="file:///other")
    LiveCopy.open(copy.path, url=URL).close()


def test_a_file_that_nothing_tells_about_is_refused(primary: Primary, tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    with pytest.raises(NotFoundError):
        LiveCopy.open(path, url=URL)
    path.write_bytes(primary.states[0])
    with pytest.raises(RefusedError, match="nothing beside"):
        LiveCopy.open(path, url=URL)
    path.with_name("link.db").symlink_to(path)
    with pytest.raises(RefusedError):
        LiveCopy.open(path.with_name("link.db"), url=URL)
    assert path.read_bytes() == primary.states[0]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "url": "x", "held": {}}'])
def test_a_state_that_cannot_be_read_is_refused(text: str, copy: LiveCopy, tmp_path: Path) -> None:
    copy.close()
    (tmp_path / ".copy.db.sqlrecover-follow").write_text(text)
    with pytest.raises(RefusedError, match="does not say where"):
        LiveCopy.open(copy.path, url=URL)


def test_a_mark_that_is_none_of_litestreams_is_refused(copy: LiveCopy, tmp_path: Path) -> None:
    copy.close()
    (tmp_path / "copy.db-txid").write_text("12\n")
    with pytest.raises(RefusedError, match="does not hold a TXID"):
        LiveCopy.open(copy.path, url=URL)


def test_a_new_copy_replaces_nothing_unasked(copy: LiveCopy, primary: Primary, tmp_path: Path) -> None:
    copy.close()
    staged = tmp_path / "staged"
    staged.write_bytes(primary.states[3])
    with pytest.raises(RefusedError, match="exists"):
        create(staged, copy.path, mark(3), url="file:///other")
    LiveCopy.open(copy.path, url=URL).close()
    with create(staged, copy.path, mark(3), url="file:///other", force=True) as made:
        assert same(made.path.read_bytes(), primary.states[3])
    assert list(tmp_path.glob("copy.db.undo-*/copy.db"))


def test_an_update_without_room_for_its_journal_is_not_begun(
    copy: LiveCopy, primary: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 1 << 30, 100_000))
    with pytest.raises(NoSpaceError):
        copy.apply(*difference(primary.states[1], primary.states[2]), mark(2))
    monkeypatch.undo()
    assert same(copy.path.read_bytes(), primary.states[1])
    copy.apply(*difference(primary.states[1], primary.states[2]), mark(2))


def test_litestreams_word_counts_where_it_says_something_else(copy: LiveCopy, primary: Primary) -> None:
    path, left = copy.path, Path(f"{copy.path}-txid")
    copy.apply(*difference(primary.states[1], primary.states[2]), mark(2))
    copy.close()
    # As its follower does it: page images in place, a counter drawn at random, then the mark.
    new = bytearray(primary.states[3])
    new[18:20], new[24:28] = b"\1\1", b"rand"
    path.write_bytes(new)
    left.write_text("0000000000000009\n")
    with LiveCopy.open(path, url=URL) as again:
        assert again.mark.place.label == "0000000000000009"
        assert again.mark.lineage == "ltx"
        again.apply(*difference(primary.states[3], primary.states[1]), mark(9))
        assert same(path.read_bytes(), primary.states[1])
    _write(path)
    with pytest.raises(CopyChanged):
        LiveCopy.open(path, url=URL)
