"""kill -9 of the daemon under load: a committed state is restored, with all that was said to be durable.

Three times unless SOAK=1 asks for fifty.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.config import DatabaseConfig, replica_from_url
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.control import ask, sockets
from sqlite_recovery_tui.replicate.missing import restore_missing
from tests.support.daemon import Daemon, wait_until

KILLS = 50 if os.environ.get("SOAK") else 3
WRITER = """
import itertools, sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("PRAGMA cache_size=20")
for turn in itertools.count(1):
    connection.execute("BEGIN IMMEDIATE")
    for part in range(turn % 7 + 1):
        connection.execute("INSERT INTO t (turn, part, body) VALUES (?, ?, ?)", (turn, part, "x" * 300))
    connection.execute("COMMIT")
    if turn % 200 == 0:
        connection.execute("DELETE FROM t WHERE turn < ?", (turn - 150,))
    if turn % 500 == 0:
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (turn INTEGER, part INTEGER, body TEXT)")
        connection.commit()
    (tmp_path / "writer.py").write_text(WRITER)
    with subprocess.Popen([sys.executable, tmp_path / "writer.py", path]) as writer:
        yield path
        writer.kill()


def turns(path: Path) -> int:
    """Return the last turn in a database, which must be a committed state: no turn is there in part."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        broken = "SELECT turn FROM t GROUP BY turn HAVING count(*) <> turn % 7 + 1"
        assert connection.execute(broken).fetchall() == []
        (last,) = connection.execute("SELECT max(turn) FROM t").fetchone()
    return int(last or 0)


def restored(replica: Path, output: Path) -> int:
    output.unlink(missing_ok=True)
    config = DatabaseConfig(output, output.name, (replica_from_url(replica.as_uri()),))
    assert restore_missing(config, clock=SYSTEM, cancel=CancelToken()) is not None
    return turns(output)


def durable(database: Path) -> int:
    """Have the daemon make durable what there is, and return the turn that was there before."""
    wait_until(_answers, "no daemon answers")
    at = turns(database)
    answer = ask(sockets()[0], {"op": "sync", "wait": 20}, seconds=30)
    assert answer == {"durable": True}
    return at


def _answers() -> bool:
    for path in sockets():
        with suppress(OSError):
            ask(path, {"op": "has"})
            return True
    return False


def test_killed_again_and_again_under_load(database: Path, tmp_path: Path) -> None:
    replica, known, draw = tmp_path / "replica", 0, random.Random(6)
    for kill in range(KILLS):
        with Daemon("-config", _config(tmp_path, database, replica)) as daemon:
            daemon.wait_for("")
            if kill % 2 == 0:
                known = max(known, durable(database))
            time.sleep(draw.random())
            daemon.end(signal.SIGKILL)
        if known:
            assert restored(replica, tmp_path / "out.db") >= known
    with Daemon("-config", _config(tmp_path, database, replica)) as daemon:
        daemon.wait_for("")
        before = turns(database)
        began = time.monotonic()
        assert daemon.end() == 0, daemon.said
        assert time.monotonic() - began < 30, "it took longer than shutdown-sync-timeout at full speed"
    assert restored(replica, tmp_path / "out.db") >= max(before, known) > 0


def _config(folder: Path, database: Path, replica: Path) -> Path:
    path = folder / "config.yml"
    path.write_text(f"dbs: [{{path: {database}, replicas: [{{path: {replica}, sync-interval: 100ms}}]}}]\n")
    return path
