"""A database that is written to and replicated while one explores: a real daemon, in a process of its own.

It ends with its parent, whatever ends that: it reads from a pipe, which ends then.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import apsw

from sqlite_recovery_tui.config import load
from sqlite_recovery_tui.replicate.daemon import Daemon

NAME = "visits.db"
STORY = f"{NAME} is written to as you read, and a daemon of ours replicates it until you leave the console."
_BEGIN_SECONDS, _LOOK_SECONDS, _END_SECONDS = 1.5, 0.05, 3.0
_PAUSE_SECONDS = 0.2, 1.5
_CONFIG = """\
  - path: {database}
    replicas:
      - name: live
        type: file
        path: {replica}
        sync-interval: 1s
"""
_SCHEMA = "CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY, at TEXT NOT NULL, page TEXT NOT NULL)"
_PAGES = ("/", "/search", "/basket", "/orders", "/help", "/bicycles/7")


@contextmanager
def running(config: Path) -> Iterator[None]:
    """Add the database to the demo's configuration, and have it written to and replicated meanwhile."""
    database = config.parent / "production" / NAME
    replica = config.parent / "replicas" / "visits"
    replica.mkdir(parents=True, exist_ok=True)
    with closing(_open(database)) as connection:
        _visit(connection)
    paths = {"database": str(database), "replica": str(replica)}
    with config.open("a") as file:
        file.write(_CONFIG.format(**{k: json.dumps(v, ensure_ascii=False) for k, v in paths.items()}))
    with (config.parent / "visits.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  (this very module)
            [sys.executable, "-m", __name__, str(config)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for_first(replica, process)
        yield
    finally:
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_END_SECONDS)
        process.kill()
        process.wait()


def _wait_for_first(replica: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait a little for the first snapshot, so that the first look finds something; it is not needed."""
    until = time.monotonic() + _BEGIN_SECONDS
    while time.monotonic() < until and process.poll() is None and not any(replica.rglob("*.lz4")):
        time.sleep(_LOOK_SECONDS)


def main(config: Path) -> int:
    """Write and replicate until the input ends."""
    settings = load(config)
    database = settings.database(NAME)
    for work in (_end_with_parent, lambda: _write(database.path)):
        threading.Thread(target=work, daemon=True).start()
    return Daemon([database], settings.daemon, source=str(config)).run(print)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_END_SECONDS)
    os._exit(1)


def _write(database: Path) -> None:
    """Commit a visit now and then, as an application would."""
    chance = random.Random()  # noqa: S311  (sample data, no secret)
    pause = threading.Event()
    with closing(_open(database)) as connection:
        while not pause.wait(chance.uniform(*_PAUSE_SECONDS)):
            _visit(connection, chance.choice(_PAGES))


def _open(database: Path) -> apsw.Connection:
    connection = apsw.Connection(str(database))
    connection.set_busy_timeout(5000)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", _SCHEMA):
        connection.execute(statement)
    return connection


def _visit(connection: apsw.Connection, page: str = _PAGES[0]) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    connection.execute("INSERT INTO visits (at, page) VALUES (?, ?)", (moment, page))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
