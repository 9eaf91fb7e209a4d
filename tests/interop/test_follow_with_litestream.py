"""Litestream's follower goes on from our copy, and ours from its own."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import create
from sqlite_recovery_tui.restore.live.mark import Mark
from tests.support.copies import difference, same
from tests.support.litestream import litestream

SECONDS = 20


@pytest.fixture
def binary() -> Path:
    return litestream("0.5.17")


def _mark(number: int) -> Mark:
    return Mark(Txid(number), datetime(2026, 3, 26, tzinfo=UTC), "ltx")


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=SECONDS)


def _states(binary: Path, folder: Path) -> list[bytes]:
    """Write a replica of four syncs; return what Litestream restores of each."""
    connection = sqlite3.connect(folder / "app.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t(a, b)")
    url = (folder / "replica").as_uri()
    states = []
    for number in range(1, 5):
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(number, "x" * 500)] * 60)
        connection.execute("UPDATE t SET a = 100 WHERE rowid % 7 = 1")
        _run(binary, "replicate", "-once", "-force-snapshot", folder / "app.db", url)
        output = folder / f"state{number}"
        _run(binary, "restore", "-o", output, "-txid", f"{number:016x}", url)
        states.append(output.read_bytes())
    connection.close()
    return states


def _follow_until(binary: Path, folder: Path, txid: str) -> None:
    """Let Litestream's own follower work on the copy until it has reached `txid`."""
    command = [binary, "restore", "-f", "-follow-interval", "20ms", "-o", folder / "copy.db"]
    with subprocess.Popen(
        [*command, (folder / "replica").as_uri()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + SECONDS
        mark = folder / "copy.db-txid"
        while not mark.exists() or mark.read_text() != txid + "\n":
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.terminate()


def test_either_follower_goes_on_where_the_other_one_was(binary: Path, tmp_path: Path) -> None:
    states = _states(binary, tmp_path)
    path = tmp_path / "copy.db"
    url = (tmp_path / "replica").as_uri()
    with create(tmp_path / "state1", path, _mark(1), url=url) as copy:
        copy.apply(*difference(states[0], states[1]), _mark(2))
    assert (tmp_path / "copy.db-txid").read_text() == f"{2:016x}\n"
    _follow_until(binary, tmp_path, f"{4:016x}")
    assert same(path.read_bytes(), states[3])
    with LiveCopy.open(path, url=url) as copy:
        assert copy.mark.place == Txid(4)
        copy.apply(*difference(states[3], states[2]), _mark(3))
        copy.apply(*difference(states[2], states[3]), _mark(4))
    assert same(path.read_bytes(), states[3])
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (240,)
    connection.close()


def test_a_copy_that_litestream_made_is_gone_on_from(binary: Path, tmp_path: Path) -> None:
    states = _states(binary, tmp_path)
    _follow_until(binary, tmp_path, f"{4:016x}")
    path = tmp_path / "copy.db"
    assert path.read_bytes()[18:20] == b"\2\2"
    with LiveCopy.open(path, url="file:///any") as copy:
        assert copy.mark.place == Txid(4)
        assert same(path.read_bytes(), states[3])
        assert path.read_bytes()[18:20] == b"\1\1"
        copy.apply(*difference(states[3], states[1]), _mark(2))
        assert same(path.read_bytes(), states[1])
