"""A process that reads a live copy over and over, and tells at the end which states it saw.

    python tests/support/copy_reader.py PATH HOW

HOW is "connected" (one connection), "connecting" (a new one each time), "mapped" (memory-mapped) or
"lingering" (the same questions twice in a transaction). Reads until stdin is closed, then prints JSON.
"""

from __future__ import annotations

import json
import select
import sqlite3
import sys
from typing import Any

QUESTIONS = (
    "SELECT n FROM version",
    "SELECT count(*), total(length(body)), total(n) FROM t",
    "SELECT count(*) FROM t INDEXED BY i WHERE n >= 0",
)
CHECK_EVERY = 8


def connect(path: str, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=20, isolation_level=None)
    if how == "mapped":
        connection.execute("PRAGMA mmap_size=100000000")
    return connection


def look(connection: sqlite3.Connection) -> list[Any]:
    return [list(connection.execute(question).fetchone()) for question in QUESTIONS]


def main(path: str, how: str) -> None:
    seen: list[list[Any]] = []
    faults: list[str] = []
    turns = 0
    connection = connect(path, how)
    stopped = False
    while not stopped:
        stopped = bool(select.select([sys.stdin], [], [], 0)[0])  # before the last look, not after it
        if how == "connecting":
            connection.close()
            connection = connect(path, how)
        connection.execute("BEGIN")
        state = look(connection)
        if how == "lingering" and look(connection) != state:
            faults.append(f"{state} changed within a transaction")
        if turns % CHECK_EVERY == 0:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                faults.append(verdict)
        connection.execute("COMMIT")
        if not seen or seen[-1] != state:
            seen.append(state)
        turns += 1
        if turns == 1:
            print("reading", flush=True)
    connection.close()
    print(json.dumps({"turns": turns, "seen": seen, "faults": faults}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
