"""Have a real Litestream 0.5.17 write the replica that is measured: a snapshot and a file for each commit.

Run as a program. Compaction is off, so that every commit's file of level 0 is there to be restored.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import yaml

from tests.benchmarks.content import PAGE_SIZE, ROWS_PER_COMMIT, bodies, rows_of, scattered
from tests.support.ltx_daemon import running

FILES = "bucket/replica"
"""The replica as Litestream writes it to files."""
S3 = "bucket/s3"
"""The same objects under the names that Litestream gives them on S3."""
TABLE = "middle"
"""A table that lies in the middle of the database."""
MIDDLE_ROWS = 20_000
_BATCH = 50_000
_NEVER = "8760h"
_READY = re.compile('msg="replicating to"')


def build(folder: Path, megabytes: int, syncs: int, litestream: Path) -> None:
    """Write `folder/app.db` and its replica in both layouts, `FILES` and `S3`."""
    database = folder / "app.db"
    connection = apsw.Connection(str(database))
    with closing(connection), _short_folder() as short:
        for pragma in (
            f"page_size={PAGE_SIZE}",
            "journal_mode=WAL",
            "wal_autocheckpoint=0",
            "synchronous=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")
        contents = bodies()
        rows = _fill(connection, contents, rows_of(megabytes))
        config = _configure(folder, database, short / "socket")
        command: list[str | Path] = [litestream, "replicate", "-config", config]
        subprocess.run([*command, "-once", "-force-snapshot"], check=True, capture_output=True)
        with running(command, os.environ, _progress) as daemon:
            daemon.wait_for("ready", 1)
            for number in range(syncs):
                _commit(connection, contents, number, rows)
                _sync(short / "socket", database)
    shutil.rmtree(folder / ".app.db-litestream")
    _link_as_on_s3(folder)


def _fill(connection: apsw.Connection, contents: Iterator[bytes], rows: int) -> int:
    """Write all rows, halfway those of `TABLE`; return how many others there are."""
    middle = min(MIDDLE_ROWS, rows // 4)
    rows -= middle
    connection.execute("CREATE TABLE data(id INTEGER PRIMARY KEY, body BLOB)")
    connection.execute(f"CREATE TABLE {TABLE}(id INTEGER PRIMARY KEY, body BLOB)")
    _insert(connection, contents, "data", rows // 2)
    _insert(connection, contents, TABLE, middle)
    _insert(connection, contents, "data", rows - rows // 2)
    return rows


def _insert(connection: apsw.Connection, contents: Iterator[bytes], table: str, rows: int) -> None:
    for first in range(0, rows, _BATCH):
        with connection:
            count = min(_BATCH, rows - first)
            new = ((next(contents),) for _ in range(count))
            connection.executemany(f"INSERT INTO {table}(body) VALUES (?)", new)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def _commit(connection: apsw.Connection, contents: Iterator[bytes], number: int, rows: int) -> None:
    """Change rows all over the database, one of them in the middle."""
    with connection:
        changes = ((next(contents), scattered(number, each, rows)) for each in range(1, ROWS_PER_COMMIT))
        connection.executemany("UPDATE data SET body = ? WHERE id = ?", changes)
        middle = connection.execute(f"SELECT max(id) FROM {TABLE}").get
        in_middle = (next(contents), scattered(number, 0, middle))
        connection.execute(f"UPDATE {TABLE} SET body = ? WHERE id = ?", in_middle)


def _configure(folder: Path, database: Path, control: Path) -> Path:
    """Write the configuration of a Litestream that does nothing unless it is told to."""
    replica = {"type": "file", "path": str(folder / FILES), "sync-interval": _NEVER}
    watched = {
        "path": str(database),
        "monitor-interval": _NEVER,
        "checkpoint-interval": _NEVER,
        "min-checkpoint-page-count": 1 << 30,
        "truncate-page-n": 0,
        "replica": replica,
    }
    settings = {
        "levels": [],
        "snapshot": {"interval": _NEVER, "retention": _NEVER},
        "l0-retention": _NEVER,
        "socket": {"enabled": True, "path": str(control)},
        "dbs": [watched],
    }
    config = folder / "writing.yml"
    config.write_text(yaml.safe_dump(settings))
    return config


def _progress(line: str) -> tuple[str, int] | None:
    return ("ready", 1) if _READY.search(line) else None


def _sync(control: Path, database: Path) -> None:
    """Have everything that was committed stored; return when it is."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    with closing(connection):
        connection.sock.connect(str(control))
        wish = json.dumps({"path": str(database), "wait": True, "timeout": 60})
        connection.request("POST", "/sync", wish, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"Litestream does not sync: {said!r}")


def _link_as_on_s3(folder: Path) -> None:
    """Give each file of the replica its other name as well: on S3 a level is four hexadecimal digits."""
    for file in (folder / FILES / "ltx").glob("*/*.ltx"):
        linked = folder / S3 / f"{int(file.parent.name):04x}" / file.name
        linked.parent.mkdir(parents=True, exist_ok=True)
        linked.hardlink_to(file)


@contextmanager
def _short_folder() -> Iterator[Path]:
    """Make a folder whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="sb-", dir="/tmp") as name:
        yield Path(name)


if __name__ == "__main__":
    folder, megabytes, syncs, litestream = sys.argv[1:]
    build(Path(folder), int(megabytes), int(syncs), Path(litestream))
