"""An application that commits some rows at a time; prints when, one line of JSON at its end.

    python -m tests.benchmarks.load DATABASE SECONDS RATE ROWS

RATE is commits per second, 0 for as many as there can be; ROWS are those of a commit.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time


def main(path: str, seconds: float, rate: float, rows: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA synchronous=NORMAL")
    body = "x" * 200
    times: list[float] = []
    began = time.time()
    while (now := time.time()) < began + seconds:
        if rate and len(times) >= (now - began) * rate:
            time.sleep(max(began + len(times) / rate - now, 0))
            continue
        if rows > 1:
            connection.execute("BEGIN IMMEDIATE")
        for _ in range(rows):
            connection.execute("INSERT INTO t (body) VALUES (?)", (body,))
        if rows > 1:
            connection.execute("COMMIT")
        times.append(time.time())
    print(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
