"""Applications that do to a database whatever applications do, for some seconds.

    python -m tests.support.hostile ROLE DATABASE SECONDS SEED

`app` is Python's SQLite (spills, savepoints, rollbacks, VACUUM, its own checkpoints), `host` another one
that opens and closes all the time and folds in by every mode, `reader` holds long transactions, `killed`
is a writer that is killed in the midst, `pairs` keeps two tables in step.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def load(database: Path, seconds: float, roles: tuple[str, ...]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run the applications; they end by themselves, and at the latest with the block."""
    processes = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__)), role, str(database), str(seconds), str(number)],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for number, role in enumerate(roles)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill an application with the writers that it has started; these die a moment later than told."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.01)
    process.wait()


def app(database: str, until: float, rng: random.Random) -> None:
    """Write with Python's own SQLite, a tiny cache and a small automatic checkpoint."""
    import sqlite3

    connection = sqlite3.connect(database, timeout=0.3, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint=20")
    connection.execute("PRAGMA cache_size=8")
    connection.execute("PRAGMA synchronous=OFF")
    while time.monotonic() < until:
        with suppress(sqlite3.OperationalError):
            _transaction(connection, rng)
        if connection.in_transaction:
            connection.rollback()
        time.sleep(rng.random() * 0.004)  # or nobody else ever has the lock


def _transaction(connection: Any, rng: random.Random) -> None:
    draw = rng.random()
    if draw < 0.03:
        connection.execute("VACUUM")
        return
    if draw < 0.10:
        connection.execute(f"PRAGMA wal_checkpoint({rng.choice(['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])})")
        return
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(rng.randint(1, 30)):
        connection.execute("INSERT INTO t(b) VALUES(randomblob(?))", (rng.randint(1, 3000),))
    if rng.random() < 0.3:
        connection.execute("SAVEPOINT s")
        connection.execute("UPDATE t SET b=randomblob(200) WHERE a%7=?", (rng.randint(0, 6),))
        if rng.random() < 0.5:
            connection.execute("ROLLBACK TO s")
        connection.execute("RELEASE s")
    connection.execute("DELETE FROM t WHERE a < (SELECT max(a) FROM t) - 300")
    connection.execute("ROLLBACK" if rng.random() < 0.1 else "COMMIT")


def pairs(database: str, until: float, rng: random.Random) -> None:
    """Write the same number into two tables, transaction by transaction."""
    import sqlite3

    connection = sqlite3.connect(database, timeout=2, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA wal_autocheckpoint=50")
    while time.monotonic() < until:
        with suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO pairs VALUES(?)", (rng.random(),))
            connection.execute("INSERT INTO others SELECT max(rowid) FROM pairs")
            connection.execute("COMMIT")
        time.sleep(0.002)


def host(database: str, until: float, rng: random.Random) -> None:
    """Open, write a little, fold in somehow, close: with another SQLite."""
    import apsw

    while time.monotonic() < until:
        connection = apsw.Connection(database)
        connection.set_busy_timeout(200)
        with suppress(apsw.Error):
            for _ in range(rng.randint(1, 5)):
                connection.execute("INSERT INTO t(b) VALUES(randomblob(?))", (rng.randint(1, 2000),))
            mode = rng.choice(
                (
                    apsw.SQLITE_CHECKPOINT_PASSIVE,
                    apsw.SQLITE_CHECKPOINT_FULL,
                    apsw.SQLITE_CHECKPOINT_RESTART,
                    apsw.SQLITE_CHECKPOINT_TRUNCATE,
                )
            )
            connection.wal_checkpoint(mode=mode)
        connection.close()
        time.sleep(rng.random() * 0.01)


def reader(database: str, until: float, rng: random.Random) -> None:
    """Hold read transactions for up to a third of a second."""
    import sqlite3

    connection = sqlite3.connect(database, timeout=1, isolation_level=None)
    while time.monotonic() < until:
        with suppress(sqlite3.OperationalError):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM t").fetchall()
            time.sleep(rng.random() * 0.3)
            connection.execute("COMMIT")


def killed(database: str, until: float, rng: random.Random) -> None:
    """Start writers that are killed at any moment."""
    while time.monotonic() < until:
        child = subprocess.Popen(
            [sys.executable, "-S", str(Path(__file__)), "app", database, "5", str(rng.randint(0, 1 << 30))],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.1 + rng.random() * 0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()


ROLES: dict[str, Callable[[str, float, random.Random], None]] = {
    "app": app,
    "pairs": pairs,
    "host": host,
    "reader": reader,
    "killed": killed,
}

if __name__ == "__main__":
    role, path, duration, seed = sys.argv[1:]
    ROLES[role](path, time.monotonic() + float(duration), random.Random(int(seed)))
    os._exit(0)  # as a process that is stopped; the last connection does not fold anything in
