"""An application that reads or writes without end until its stdin ends, and says then what it met.

    python -m tests.promote.application read|write DATABASE

A line is printed for the first success and for each state that is new, so that others can wait for it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time

GROW = "INSERT INTO t (state, body) SELECT state, state || ' more' FROM t ORDER BY id LIMIT 1"


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main(kind: str, path: str) -> None:
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    mixed, count, errors = [], 0, []
    seen: list[str] = []
    while not ended.is_set():
        began = time.monotonic()
        try:
            if kind == "read":
                states = [row[0] for row in connection.execute("SELECT DISTINCT state FROM t")]
                if len(states) != 1:
                    mixed.append(states)
                elif states[0] not in seen:
                    seen.append(states[0])
                    print(json.dumps(states[0]), flush=True)
            else:
                connection.execute(GROW)
                if not count:
                    print(json.dumps("written"), flush=True)
        except sqlite3.OperationalError as error:
            errors.append(f"{error.sqlite_errorname} after {time.monotonic() - began:.1f} s")
        count += 1
        time.sleep(0.002)  # as one that has other things to do as well
    connection.close()
    print(json.dumps({"mixed": mixed, "seen": seen, "count": count, "errors": errors}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
