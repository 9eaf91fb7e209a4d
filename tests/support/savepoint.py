"""The transaction that SQLite before 3.50 writes with broken checksums, by Python's own SQLite.

    python -S tests/support/savepoint.py DATABASE

A savepoint is rolled back after frames were written twice; exits with 3 where this SQLite is newer.
"""

from __future__ import annotations

import os
import sqlite3
import sys


def main(path: str) -> None:
    if sqlite3.sqlite_version_info >= (3, 50):
        os._exit(3)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA cache_size=10")
    connection.executemany("INSERT INTO t VALUES(?, randomblob(3000))", [(n,) for n in range(60)])
    connection.execute("BEGIN")
    connection.execute("UPDATE t SET b=randomblob(3000) WHERE a < 5")
    connection.execute("SAVEPOINT s")
    connection.execute("UPDATE t SET b=randomblob(3000)")
    connection.execute("UPDATE t SET b=randomblob(3000) WHERE a BETWEEN 20 AND 40")
    connection.execute("ROLLBACK TO s")
    connection.execute("RELEASE s")
    connection.execute("UPDATE t SET b=randomblob(3000) WHERE a > 50")
    connection.execute("COMMIT")
    for number in (60, 61):
        connection.execute("INSERT INTO t VALUES(?, 'later')", (number,))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
