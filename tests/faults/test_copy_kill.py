"""A follower that dies at any system call leaves a copy in one of its states, and the next one goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import can_go_on, create
from sqlite_recovery_tui.restore.live.state import Beside
from tests.support.copies import URL, Primary, begin, difference, mark, which
from tests.support.victims import Victims, victims


@pytest.fixture(scope="module")
def killed() -> Iterator[Victims]:
    with victims("tests.faults.killed_copy") as made:
        yield made


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave fsync out: a kill takes nothing away that was written."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(params=["grows", "shrinks"])
def states(request: pytest.FixtureRequest, tmp_path: Path) -> list[bytes]:
    """Three states; the second is larger or smaller than the first."""
    primary = Primary(tmp_path / "primary.db", page_size=1024)
    primary.grow(25)
    if request.param == "shrinks":
        primary.shrink()
    else:
        primary.grow(4)
    primary.touch()
    primary.close()
    for number, state in enumerate(primary.states[1:]):
        (tmp_path / f"state{number}").write_bytes(state)
    return primary.states[1:]


@pytest.fixture
def before(states: list[bytes], tmp_path: Path) -> Path:
    """A folder with a copy at the first state, and the second as a whole restore beside it."""
    folder = tmp_path / "before"
    folder.mkdir()
    begin(folder, states[0]).close()
    Beside(folder / "copy.db").staging.write_bytes(states[1])
    return folder


def _read(path: Path, states: list[bytes]) -> int:
    """Read as an application would; return which state it is, after SQLite's own recovery."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    return which(path.read_bytes(), states)


def _read_only(path: Path) -> int | None:
    """Read without being allowed to write; None where SQLite refuses to."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        version: int = connection.execute("SELECT n FROM version").fetchone()[0]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.OperationalError as error:
        if "readonly" not in str(error):
            raise
        return None
    finally:
        connection.close()
    return version - 1


def _check(folder: Path, states: list[bytes]) -> int:
    """Check what a kill left, to readers and to the next follower; return which state it is."""
    path = folder / "copy.db"
    elsewhere = shutil.copytree(folder, folder.with_name("elsewhere"))
    seen = _read_only(path)
    held = _read(elsewhere / "copy.db", states)
    assert seen in (None, held)
    shutil.rmtree(elsewhere)
    left = Path(f"{path}-txid")
    # Litestream's own follower goes by it: it must never say more, or less, than the file.
    assert not left.exists() or int(left.read_text(), 16) == held + 1
    with LiveCopy.open(path, url=URL) as copy:
        assert copy.mark == mark(held)
        assert which(path.read_bytes(), states) == held
        assert not Path(f"{path}-journal").exists()
        copy.apply(*difference(states[held], states[2]), mark(2))
    assert _read(path, states) == 2
    assert left.read_text() == f"{3:016x}\n"
    return held


@pytest.mark.parametrize("how", ["kill", "tear"])
@pytest.mark.parametrize("act", ["apply", "replace"])
def test_an_update_that_is_killed_happened_or_not(
    act: str, how: str, killed: Victims, states: list[bytes], before: Path, tmp_path: Path
) -> None:
    found = []
    while True:
        folder = shutil.copytree(before, tmp_path / "now")
        answer = killed.run(str(folder), act, how, len(found))
        assert answer in ("killed", "done"), answer
        found.append(_check(folder, states))
        shutil.rmtree(folder)
        if answer == "done":
            break
    assert found == sorted(found)
    assert found.count(0) > (4 if how == "tear" else 20)
    assert found.count(1) > (0 if how == "tear" else 3)


def test_a_base_of_another_page_size_that_is_killed_happened_or_not(killed: Victims, tmp_path: Path) -> None:
    states = []
    for number, page_size in enumerate((1024, 4096)):
        primary = Primary(tmp_path / f"primary{number}.db", page_size)
        states.append(primary.grow(8))
        primary.close()
        (tmp_path / f"state{number}").write_bytes(states[-1])
    answer, found = "killed", []
    while answer == "killed":
        folder = tmp_path / "now"
        folder.mkdir()
        begin(folder, states[0]).close()
        Beside(folder / "copy.db").staging.write_bytes(states[1])
        answer = killed.run(str(folder), "replace", "kill", len(found))
        assert answer in ("killed", "done"), answer
        found.append(_read(folder / "copy.db", states))
        with LiveCopy.open(folder / "copy.db", url=URL) as copy:
            assert copy.mark == mark(found[-1])
        shutil.rmtree(folder)
    assert found == sorted(found)
    assert {*found} == {0, 1}


@pytest.mark.parametrize("act", ["apply", "replace"])
def test_an_update_that_the_system_refuses_can_be_tried_again(
    act: str, killed: Victims, states: list[bytes], before: Path, tmp_path: Path
) -> None:
    refused = 0
    for at in range(1000):
        folder = shutil.copytree(before, tmp_path / "now")
        answer = killed.run(str(folder), act, "fail", at)
        assert answer in ("refused", "done"), answer
        refused += answer == "refused"
        assert _check(folder, states) == 1
        shutil.rmtree(folder)
        if answer == "done" and refused > 20:
            break
    assert refused > 20


def test_a_look_at_what_was_killed_may_be_killed_too(
    killed: Victims, states: list[bytes], before: Path, tmp_path: Path
) -> None:
    hot = tmp_path / "hot"
    at = 0
    while not (hot / "copy.db-journal").exists() or which((hot / "copy.db").read_bytes(), states) >= 0:
        shutil.rmtree(hot, ignore_errors=True)
        shutil.copytree(before, hot)
        assert killed.run(str(hot), "apply", "kill", at) == "killed"
        at += 1
    answer, at = "killed", 0
    while answer == "killed":
        folder = shutil.copytree(hot, tmp_path / "now")
        answer = killed.run(str(folder), "open", "kill", at)
        assert answer in ("killed", "done"), answer
        assert _check(folder, states) == 0
        shutil.rmtree(folder)
        at += 1
    assert at > 5


def test_a_copy_that_is_killed_while_it_is_made_is_there_or_not(
    killed: Victims, states: list[bytes], tmp_path: Path
) -> None:
    answer, found = "killed", []
    while answer == "killed":
        folder = tmp_path / "now"
        folder.mkdir()
        path = folder / "copy.db"
        Beside(path).staging.write_bytes(states[0])
        answer = killed.run(str(folder), "create", "kill", len(found))
        assert answer in ("killed", "done"), answer
        found.append(path.exists())
        assert can_go_on(path) == path.exists()
        if not path.exists():
            Beside(path).staging.write_bytes(states[0])
            create(Beside(path).staging, path, mark(0), url=URL).close()
        assert _check(folder, states) == 0
        shutil.rmtree(folder)
    assert found == sorted(found)
    assert found.count(False) > 5
    assert found.count(True) > 2
