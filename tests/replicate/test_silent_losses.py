"""The three ways in which a follower of checksums alone loses rows, or invents them, without a word."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import savepoint
from tests.support.followed import App, Followed, rows

Follow = Callable[..., Followed]
STRACE = shutil.which("strace")
NEWER_SQLITE = 3


def test_frames_that_sqlite_writes_broken_are_not_the_end(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    done = subprocess.run([sys.executable, "-S", savepoint.__file__, str(database)], check=False)
    if done.returncode == NEWER_SQLITE:
        pytest.skip("Python's own SQLite no longer does this")
    for _ in range(3):
        followed.poll()
    assert "chain-break" in followed.told
    assert followed.sink.reasons == ["new", "chain"]
    assert followed.equals_live()
    app.do("INSERT INTO t VALUES(100, 'after')")
    followed.poll()
    assert followed.equals_live()
    assert rows(followed.sink.image, "SELECT count(*) FROM t") == [(63,)]
    assert followed.follower.checkpoint(0.5).outcome == "complete"
    app.do("INSERT INTO t VALUES(101, 'after')")
    followed.poll()
    assert followed.equals_live()
    assert followed.sink.reasons == ["new", "chain"]
    # What was whole before the break is still in the old generation.
    assert rows(bytes(followed.sink.generations[0].image), "SELECT count(*) FROM t") == [(60,)]


WRITER = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA wal_autocheckpoint=0")
c.execute("PRAGMA synchronous=FULL")
try:
    c.execute("INSERT INTO t VALUES('phantom', randomblob(20000))")
except sqlite3.OperationalError as error:
    print(error)
os._exit(0)
"""


@pytest.mark.skipif(STRACE is None, reason="strace is needed")
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=EIO"])
def test_a_commit_that_never_happened_is_not_shipped(
    app: App, follow: Follow, database: Path, fault: str
) -> None:
    app.do("INSERT INTO t VALUES('real', 1)")
    followed = follow()
    followed.follower.start()
    size = Path(f"{database}-wal").stat().st_size
    inject = f"inject=fdatasync,fsync:{fault}:when=1+"
    command = [str(STRACE), "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", inject]
    subprocess.run(
        [*command, sys.executable, "-S", "-c", WRITER, str(database)], check=False, capture_output=True
    )
    assert Path(f"{database}-wal").stat().st_size > size  # it is all there, to its commit
    followed.poll()
    assert app.rows("SELECT a FROM t") == [["real"]]
    assert rows(followed.sink.image, "SELECT a FROM t") == [("real",)]
    assert followed.follower.checkpoint(0.5).outcome == "complete"
    assert "phantom" in followed.told
    app.do("INSERT INTO t VALUES('next', 2)")
    followed.poll()
    app.do("INSERT INTO t VALUES('last', 3)")
    followed.poll()
    assert followed.equals_live()
    assert rows(followed.sink.image, "SELECT a FROM t") == [("real",), ("next",), ("last",)]
    assert followed.sink.reasons == ["new"]


def test_a_log_that_began_anew_twice_meanwhile_is_not_gone_on_with(app: App, follow: Follow) -> None:
    app.do("INSERT INTO t VALUES('a', randomblob(200000))")
    first = follow()
    first.follower.start()
    app.do("INSERT INTO t VALUES('a', randomblob(200000))")
    first.poll()
    first.follower.stop(1)
    app.do("PRAGMA wal_checkpoint(RESTART)", "INSERT INTO t VALUES('b', 1)")
    app.do("PRAGMA wal_checkpoint(RESTART)", "INSERT INTO t VALUES('c', randomblob(20000))")
    second = follow(sink=first.sink)
    started = second.follower.start()
    assert (started.how, started.why and started.why.kind) == ("began", "down")
    assert "began" in second.told
    assert second.equals_live()
    assert rows(second.sink.image, "SELECT count(*) FROM t WHERE a='b'") == [(1,)]
