"""A live copy holds exactly the states that are applied to it, and readers notice each."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.formats.journal import lock_page
from sqlite_recovery_tui.restore import place
from sqlite_recovery_tui.restore.live import update
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import can_go_on, create, staging_path
from sqlite_recovery_tui.restore.live.faults import CopyBusy
from sqlite_recovery_tui.restore.live.mark import Mark
from sqlite_recovery_tui.restore.live.update import Change
from tests.support.copies import START, URL, Primary, begin, difference, fixed_clock, mark, same
from tests.support.sql_process import SqlProcess


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Primary]:
    made = Primary(tmp_path / "primary.db")
    yield made
    made.close()


def _check(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def _beside(path: Path) -> set[str]:
    return {name for name in os.listdir(path.parent) if path.name in name} - {path.name}


@pytest.mark.parametrize("auto_vacuum", [0, 2])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_every_step_leads_to_what_a_restore_would_give(
    page_size: int, auto_vacuum: int, tmp_path: Path
) -> None:
    primary = Primary(tmp_path / "primary.db", page_size, auto_vacuum)
    states = primary.history(12)
    primary.close()
    counters = set()
    with begin(tmp_path, states[0]) as copy, SqlProcess(copy.path) as reader:
        for number, (old, new) in enumerate(pairwise(states), start=1):
            copy.apply(*difference(old, new), mark(number))
            assert reader.value("SELECT n FROM version") == number
            assert reader.value("PRAGMA integrity_check") == "ok"
            data = copy.path.read_bytes()
            assert same(data, new)
            counters.add(data[24:28])
            assert (copy.mark, copy.pages * copy.page_size) == (mark(number), len(new))
        assert reader.value("PRAGMA journal_mode") == "delete"
    assert len(counters) == len(states) - 1
    assert _beside(copy.path) == {"copy.db-txid", ".copy.db.sqlrecover-follow"}
    assert (tmp_path / "copy.db-txid").read_bytes() == f"{len(states):016x}\n".encode()


def test_steps_may_be_left_out_and_pages_beyond_the_end_are_dropped(primary: Primary, tmp_path: Path) -> None:
    states = primary.history(9)
    largest = max(states, key=len)
    with begin(tmp_path, states[0]) as copy:
        copy.apply(*difference(states[0], largest), mark(1))
        pages, images, size = difference(largest, states[-1])
        beyond = np.arange(size + 1, size + 3, dtype=np.uint32)
        images = np.concatenate([images, np.full((2, copy.page_size), 7, np.uint8)])
        copy.apply(np.concatenate([pages, beyond]), images, size, mark(2))
        assert same(copy.path.read_bytes(), states[-1])


def test_pages_that_no_image_was_given_of_are_zero_when_the_database_grows(
    primary: Primary, tmp_path: Path
) -> None:
    state = primary.grow()
    with begin(tmp_path, state) as copy:
        size = copy.pages + 4
        last = np.full((1, copy.page_size), 7, np.uint8)
        copy.apply(np.array([size], np.uint32), last, size, mark(1))
        data = copy.path.read_bytes()
        assert same(data[: len(state)], state)
        assert data[len(state) :] == bytes(3 * copy.page_size) + last.tobytes()


@pytest.mark.parametrize(
    "pages", [[0], [2, 2], [3, 2]], ids=["page 0", "the same page twice", "pages that do not rise"]
)
def test_what_is_no_set_of_pages_is_our_own_fault(pages: list[int], primary: Primary, tmp_path: Path) -> None:
    with begin(tmp_path, primary.states[0]) as copy:
        images = np.zeros((len(pages), copy.page_size), np.uint8)
        with pytest.raises(ValueError, match="pages must rise"):
            copy.apply(np.array(pages, np.uint32), images, 5, mark(1))
        assert same(copy.path.read_bytes(), primary.states[0])


def test_a_step_without_pages_moves_the_mark_alone(primary: Primary, tmp_path: Path) -> None:
    with begin(tmp_path, primary.states[0]) as copy:
        before = copy.path.read_bytes()
        nothing = np.empty((0, copy.page_size), np.uint8)
        copy.apply(np.empty(0, np.uint32), nothing, copy.pages, mark(8))
        assert copy.path.read_bytes() == before
    with LiveCopy.open(copy.path, url=URL) as copy:
        assert copy.mark == mark(8)


def test_a_copy_is_gone_on_from_where_it_was_left(primary: Primary, tmp_path: Path) -> None:
    states = primary.history(5)
    path = tmp_path / "copy.db"
    assert not can_go_on(path)
    begin(tmp_path, states[0]).close()
    for number, (old, new) in enumerate(pairwise(states), start=1):
        assert can_go_on(path)
        with LiveCopy.open(path, url=URL) as copy:
            assert copy.mark == mark(number - 1)
            copy.apply(*difference(old, new), mark(number))
    assert same(path.read_bytes(), states[-1])


def test_a_position_is_kept_as_well_as_a_txid(primary: Primary, tmp_path: Path) -> None:
    states = primary.history(3)
    here = Mark(Position("5f3a91c2d4e6f708", 3, 4152), START, "5f3a91c2d4e6f708", "snapshot")
    with begin(tmp_path, states[0]) as copy:
        copy.apply(*difference(states[0], states[1]), here)
    (tmp_path / "copy.db-txid").write_text("0000000000000009\n")
    with LiveCopy.open(copy.path, url=URL) as copy:
        assert copy.mark == here
        copy.verify()
    assert not (tmp_path / "copy.db-txid").exists()


def test_a_reader_that_knew_another_schema_finds_the_new_one(tmp_path: Path) -> None:
    one, two = (Primary(tmp_path / f"{name}.db") for name in ("one", "two"))
    one.run("CREATE TABLE x(a)", "INSERT INTO x VALUES ('of x')")
    one.run("CREATE TABLE y(a)", "INSERT INTO y VALUES ('of y')")
    two.run("CREATE TABLE y(a)", "INSERT INTO y VALUES ('y of another history')")
    two.run("CREATE TABLE x(a)", "INSERT INTO x VALUES ('x of another history')")
    assert one.states[-1][40:44] == two.states[-1][40:44]
    with begin(tmp_path, one.states[-1]) as copy, SqlProcess(copy.path) as reader:
        assert reader.rows("SELECT * FROM x, y") == [["of x", "of y"]]
        staged = staging_path(copy.path)
        staged.write_bytes(two.states[-1])
        copy.replace(staged, mark(1))
        assert reader.rows("SELECT * FROM x, y") == [["x of another history", "y of another history"]]
        two.run("ALTER TABLE x ADD COLUMN b DEFAULT 5")
        copy.apply(*difference(two.states[-2], two.states[-1]), mark(2))
        assert reader.rows("SELECT b FROM x") == [[5]]
        assert not staged.exists()
    one.close()
    two.close()


@pytest.mark.parametrize(("old", "new"), [(4096, 512), (512, 4096), (4096, 65536)])
def test_a_new_base_may_have_another_page_size(old: int, new: int, tmp_path: Path) -> None:
    first, second = Primary(tmp_path / "one.db", old), Primary(tmp_path / "two.db", new)
    first.grow()
    second.grow(5)
    with begin(tmp_path, first.states[-1]) as copy, SqlProcess(copy.path) as reader:
        count = reader.value("SELECT count(*) FROM t")
        staged = staging_path(copy.path)
        staged.write_bytes(second.states[-1])
        copy.replace(staged, mark(1))
        assert (count, reader.value("SELECT count(*) FROM t")) == (20, 5)
        assert reader.value("PRAGMA integrity_check") == "ok"
        assert same(copy.path.read_bytes(), second.states[-1])
        second.grow(5)
        copy.apply(*difference(second.states[-2], second.states[-1]), mark(2))
        assert reader.value("SELECT count(*) FROM t") == 10
    first.close()
    second.close()


def test_only_what_differs_from_a_new_base_is_written(
    primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary.grow(400)
    primary.touch()
    primary.shrink()
    with begin(tmp_path, primary.states[1]) as copy:
        needed: list[int] = []
        monkeypatch.setattr(place, "check_space", lambda _, size: needed.append(size))
        staged = staging_path(copy.path)
        for number in (2, 3):
            staged.write_bytes(primary.states[number])
            copy.replace(staged, mark(number))
            assert same(copy.path.read_bytes(), primary.states[number])
    assert needed[0] < len(primary.states[1]) / 2 + (1 << 20)


def test_the_page_of_the_locks_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "staged"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size=65536")
    connection.execute("CREATE TABLE t(a)")
    connection.commit()
    connection.close()
    page_size, far = 65536, lock_page(65536) + 3
    first = bytearray(path.read_bytes()[:page_size])
    with create(path, tmp_path / "copy.db", mark(0), url=URL) as copy:
        images = np.full((2, page_size), 7, np.uint8)
        first[28:32] = far.to_bytes(4, "big")
        images[0] = np.frombuffer(bytes(first), np.uint8)
        copy.apply(np.array([1, far], np.uint32), images, far, mark(1))
        with SqlProcess(copy.path) as reader:
            assert reader.value("PRAGMA page_count") == far
            assert reader.value("SELECT count(*) FROM t") == 0
            near = lock_page(page_size) - 3
            first[28:32] = near.to_bytes(4, "big")
            images[0] = np.frombuffer(bytes(first), np.uint8)
            write_change = update.write_change

            def fail(fd: int, change: Change, page: bytes) -> None:
                write_change(fd, change, page)
                raise OSError(errno.EIO, "broken")

            # SQLite ends a rollback at a record of that page; what lies behind it is to come back as well.
            monkeypatch.setattr(update, "write_change", fail)
            with pytest.raises(RecoverError):
                copy.apply(np.array([1], np.uint32), images[:1], near, mark(2))
            monkeypatch.undo()
            with copy.path.open("rb") as file:
                file.seek((far - 1) * page_size)
                assert file.read() == bytes([7]) * page_size
            copy.apply(np.array([1], np.uint32), images[:1], near, mark(2))
            assert reader.value("PRAGMA page_count") == near
            assert copy.path.stat().st_size == near * page_size


def test_a_reader_that_stays_in_delays_the_update_and_sees_its_own_state(
    primary: Primary, tmp_path: Path
) -> None:
    states = primary.history(4)
    with begin(tmp_path, states[0]) as copy, SqlProcess(copy.path) as reader:
        reader.rows("BEGIN")
        assert reader.value("SELECT n FROM version") == 0
        with pytest.raises(CopyBusy) as caught:
            copy.apply(*difference(states[0], states[1]), mark(1))
        assert str(reader.pid) in str(caught.value)
        assert reader.value("SELECT n FROM version") == 0
        assert same(copy.path.read_bytes(), states[0])
        # Not even a reader that may not write meets a journal, or is kept out.
        with SqlProcess(copy.path, "ro") as late:
            assert late.value("SELECT n FROM version") == 0
        assert "copy.db-journal" not in _beside(copy.path)
        assert copy.mark == mark(0)
        assert (tmp_path / "copy.db-txid").read_text() == "0000000000000001\n"
        reader.rows("COMMIT")
        copy.apply(*difference(states[0], states[2]), mark(2))
        assert reader.value("SELECT n FROM version") == 2


def test_whoever_may_write_to_the_copy_may_roll_it_back(
    primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = primary.history(3)
    modes = []
    write_change = update.write_change

    def look(fd: int, change: Change, first: bytes) -> None:
        modes.append((tmp_path / "copy.db-journal").stat().st_mode & 0o777)
        write_change(fd, change, first)

    monkeypatch.setattr(update, "write_change", look)
    with begin(tmp_path, states[0]) as copy:
        assert copy.path.stat().st_mode & 0o777 == 0o600
        copy.path.chmod(0o664)
        copy.apply(*difference(states[0], states[1]), mark(1))
    assert modes == [0o664]


def test_a_copy_in_wal_mode_is_taken_out_of_it_when_it_is_gone_on_from(
    primary: Primary, tmp_path: Path
) -> None:
    path = tmp_path / "copy.db"
    path.write_bytes(primary.grow())
    (tmp_path / "copy.db-txid").write_text("000000000000001a\n")
    with SqlProcess(path) as reader:
        assert reader.value("PRAGMA journal_mode") == "wal"
        reader.rows("SELECT * FROM version")
        with pytest.raises(CopyBusy, match="being read"):
            LiveCopy.open(path, url=URL, clock=fixed_clock())
        reader.kill()
    assert (tmp_path / "copy.db-wal").exists()
    with LiveCopy.open(path, url=URL) as copy, SqlProcess(path) as reader:
        assert copy.mark.place.label == "000000000000001a"
        assert reader.value("PRAGMA journal_mode") == "delete"
        assert reader.value("PRAGMA integrity_check") == "ok"
    assert not (tmp_path / "copy.db-wal").exists()
