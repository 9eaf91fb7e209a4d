"""`restore -f` behind a running Litestream: rows appear in the copy, whatever happens on the way."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import yaml

from tests.support.follower import PATIENCE, Follower
from tests.support.litestream import Version, litestream

NO_PROBLEMS: list[str] = []


class Database:
    """A database that an application writes to, a row at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.db"
        self._connection = sqlite3.connect(self.path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "wal_autocheckpoint=0", "synchronous=OFF"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body)")
        self._connection.execute("CREATE INDEX by_body ON t(body)")
        self.rows = 0

    def add(self, count: int = 1) -> None:
        for _ in range(count):
            self.rows += 1
            self._connection.execute("INSERT INTO t VALUES (?, randomblob(900))", (self.rows,))

    def truncate_wal(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.close()


@contextmanager
def replicating(version: Version, database: Database) -> Iterator[None]:
    """Have Litestream replicate until the end of the block, where it stores what there is."""
    folder = database.path.parent
    replica = {"type": "file", "path": str(folder / "replica"), "sync-interval": "20ms"}
    settings = {"path": str(database.path), "monitor-interval": "20ms", "checkpoint-interval": "24h"}
    whole: dict[str, object] = {"dbs": [{**settings, "replicas": [replica]}]}
    if version != "0.3.13":
        whole = {
            "levels": [{"interval": "200ms"}, {"interval": "500ms"}],
            "l0-retention": "300ms",
            "l0-retention-check-interval": "100ms",
            "dbs": [{**settings, "replica": replica}],
        }
    config = folder / "litestream.yml"
    config.write_text(yaml.safe_dump(whole, sort_keys=False))
    with (folder / "litestream.log").open("ab") as log:
        process = subprocess.Popen(
            [litestream(version), "replicate", "-config", config], stdout=log, stderr=log, env={}
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def until(holds: Callable[[], object]) -> float:
    """Wait for something that another process does; return how many seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < PATIENCE, "it never happened"
        time.sleep(0.005)
    return time.monotonic() - began


def rows_of(copy: Path) -> int:
    """Count a copy's rows as an application does that only reads."""
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True, timeout=10)) as connection:
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


def is_sound(copy: Path) -> bool:
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True, timeout=10)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


def appear(database: Database, copy: Path) -> float:
    """Add rows, one now and then until all of them are in the copy: 0.3.13 misses a change sometimes."""

    def there() -> bool:
        if rows_of(copy) == database.rows:
            return True
        if time.monotonic() - appear.nudged > 2:
            appear.nudged = time.monotonic()
            database.add()
        return False

    appear.nudged = time.monotonic()
    database.add(5)
    return until(there)


appear.nudged = 0.0


def objects_in(replica: Path) -> list[Path]:
    return [path for path in replica.rglob("*") if path.suffix in (".ltx", ".lz4")]


@pytest.fixture(params=["0.5.17", "0.3.13"])
def version(request: pytest.FixtureRequest) -> Version:
    found: Version = request.param
    litestream(found)
    return found


def test_rows_appear_in_the_copy_and_a_signal_ends_it(
    version: Version, database: Database, tmp_path: Path
) -> None:
    copy, replica = tmp_path / "copy.db", tmp_path / "replica"
    database.add(3)
    with replicating(version, database):
        until(lambda: objects_in(replica))
        with Follower(copy, replica.as_uri()) as follower:
            assert follower.wait_for(lambda said: said["event"] == "restored")["output"] == str(copy)
            for _ in range(4):
                appear(database, copy)
            assert is_sound(copy)
            assert follower.end(signal.SIGTERM) == (0, "")
    last = follower.said[-1]
    assert last["event"] == "stopped"
    assert last["problems"] == NO_PROBLEMS
    assert last["lag_seconds"] < PATIENCE
    assert last["updates"] >= 3
    assert all(said["event"] == "state" for said in follower.said[1:-1])


def test_a_follower_that_was_killed_goes_on_where_it_was(
    version: Version, database: Database, tmp_path: Path
) -> None:
    copy, replica = tmp_path / "copy.db", tmp_path / "replica"
    database.add(3)
    with replicating(version, database):
        until(lambda: objects_in(replica))
        for round in range(2):
            with Follower(copy, replica.as_uri()) as follower:
                event = "resumed" if round else "restored"
                assert follower.wait_for(lambda said: said["event"] != "state")["event"] == event
                database.add(20)
                appear(database, copy)
                database.add(20)
                follower.end(signal.SIGKILL)
            assert is_sound(copy)
        with Follower(copy, replica.as_uri()) as follower:
            appear(database, copy)
            assert follower.end(signal.SIGINT)[0] == 0
    assert is_sound(copy)


def test_a_replica_that_goes_away_ends_it(version: Version, database: Database, tmp_path: Path) -> None:
    copy, replica = tmp_path / "copy.db", tmp_path / "replica"
    database.add(3)
    with replicating(version, database):
        until(lambda: objects_in(replica))
    with Follower(copy, replica.as_uri(), "-max-lag", "700ms") as follower:
        follower.wait_for(lambda said: said["event"] == "state")
        shutil.rmtree(replica)
        follower.wait_for(lambda said: said.get("problems"))
        code, _ = follower.end(None)
    error = follower.said[-1]["error"]
    assert code == error["code"] == 6
    assert "behind its replica" in error["message"]
    assert rows_of(copy) == database.rows


def test_what_litestream_begins_anew_after_a_restart_is_gone_on_with(
    database: Database, tmp_path: Path
) -> None:
    litestream("0.3.13")
    copy, replica = tmp_path / "copy.db", tmp_path / "replica"
    database.add(3)
    with ExitStack() as stack:
        with replicating("0.3.13", database):
            until(lambda: objects_in(replica))
            follower = stack.enter_context(Follower(copy, replica.as_uri()))
            first = follower.wait_for(lambda said: said["event"] == "state")["position"]["generation"]
        database.truncate_wal()
        database.add(30)
        with replicating("0.3.13", database):
            appear(database, copy)
        assert follower.end()[0] == 0
    assert follower.said[-1]["position"]["generation"] != first
    assert is_sound(copy)


def test_an_upgraded_replica_is_gone_on_with(database: Database, tmp_path: Path) -> None:
    litestream("0.5.17")
    copy, replica = tmp_path / "copy.db", tmp_path / "replica"
    database.add(3)
    with replicating("0.3.13", database):
        until(lambda: objects_in(replica))
        with Follower(copy, replica.as_uri()) as follower:
            follower.wait_for(lambda said: said["event"] == "state")
            assert follower.end()[0] == 0
    shutil.rmtree(tmp_path / ".app.db-litestream")
    with replicating("0.5.17", database):
        until(lambda: list(replica.rglob("*.ltx")))
        with Follower(copy, replica.as_uri()) as follower:
            follower.wait_for(lambda said: said["event"] == "resumed")
            appear(database, copy)
            assert follower.end()[0] == 0
    assert "txid" in follower.said[-1]["position"]
    assert is_sound(copy)
