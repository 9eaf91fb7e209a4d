"""A restore that is killed leaves the target as it was, and the same command again finishes the work."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.errors import Cancelled, StorageError
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore import image
from sqlite_recovery_tui.restore.pack import WAITING_OBJECTS
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.open import open_store
from tests.support.generation_writer import GenerationWriter
from tests.support.servers import moto_s3, upload_tree
from tests.support.soak import usually
from tests.support.victims import Victims

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
SEGMENTS = 80
MEGABYTES = 16
BLOCK = 4 << 20


@dataclass(frozen=True)
class Replica:
    """One history at two places, and the database it leads to."""

    folder: Path
    s3: str
    truth: bytes

    def url(self, kind: str) -> str:
        return self.s3 if kind == "s3" else self.folder.as_uri()


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A snapshot of several blocks and segments of two WALs, also on an S3 server."""
    folder = tmp_path_factory.mktemp("killed")
    truth = _write(folder, MEGABYTES)
    with moto_s3() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environ.items():
            patch.setenv(name, value)
        server.make_bucket("killed")
        upload_tree(server, "killed", "app/", folder / "replica")
        url = f"s3://killed/app?endpoint={server.endpoint}&region={server.region}"
        yield Replica(folder / "replica", url, truth)


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Replica:
    """One that is restored in no time."""
    folder = tmp_path_factory.mktemp("small")
    return Replica(folder / "replica", "", _write(folder, 1))


def _write(folder: Path, megabytes: int) -> bytes:
    """Write a replica; return the database it leads to."""
    rng = random.Random(7)
    with GenerationWriter(folder / "app.db", folder / "replica", keep_states=False) as writer:
        connection = writer.connection
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
        for _ in range(megabytes):
            connection.execute("INSERT INTO t(body) VALUES (?)", (rng.randbytes(1 << 20),))
        writer.checkpoint("TRUNCATE")
        writer.new_generation(START)
        for number in range(SEGMENTS):
            connection.execute("INSERT INTO t(body) VALUES (?)", (rng.randbytes(5000),))
            writer.ship(START + timedelta(seconds=number + 1))
            if number == SEGMENTS // 2:
                writer.checkpoint("TRUNCATE")
        writer.checkpoint("TRUNCATE")
        return (folder / "app.db").read_bytes()


def _open(url: str) -> tuple[Store, Plan]:
    store = open_store(replica_from_url(url))
    return store, make_plan(scan(store), Latest(), database=None, replica="test", url=store.url)


def _restore(url: str, output: Path, *, force: bool = False) -> tuple[RestoreResult, Plan]:
    store, plan = _open(url)
    try:
        return restore(store, plan, RestoreOptions(output, force=force)), plan
    finally:
        store.close()


@pytest.mark.parametrize("kind", ["file", "s3"])
@pytest.mark.parametrize(
    ("phase", "share"),
    [
        ("fetching snapshot", 0.2),
        ("fetching snapshot", 0.9),
        ("applying WAL", 0.3),
        ("applying WAL", 1.0),
        ("writing to disk", 0.0),
    ],
)
def test_the_same_restore_again_finishes_what_was_killed(
    kind: str, phase: str, share: float, mortal: Victims, replica: Replica, tmp_path: Path
) -> None:
    output = tmp_path / "out.db"
    assert mortal.run(replica.url(kind), str(output), phase, share) == "killed"
    assert not output.exists()
    result, _ = _restore(replica.url(kind), output)
    assert output.read_bytes() == replica.truth
    assert [path.name for path in tmp_path.iterdir()] == ["out.db"]
    if kind == "s3" and (phase == "writing to disk" or share == 1.0):
        assert result.objects_reused >= SEGMENTS - 2 * WAITING_OBJECTS


def test_what_was_fetched_is_not_fetched_again(mortal: Victims, replica: Replica, tmp_path: Path) -> None:
    output = tmp_path / "out.db"
    whole, plan = _restore(replica.s3, tmp_path / "whole.db")
    assert whole.bytes_fetched == plan.fetch_bytes
    assert mortal.run(replica.s3, str(output), "writing to disk", 0) == "killed"
    result, _ = _restore(replica.s3, output)
    assert (result.bytes_fetched, result.objects_reused) == (0, len(plan.changes))
    assert output.read_bytes() == replica.truth


def test_a_snapshot_is_taken_up_where_it_was_left(
    replica: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.db"
    monkeypatch.setattr(image, "JOURNAL_BYTES", BLOCK)
    store, plan = _open(replica.s3)

    def break_off(report: Progress) -> None:
        if report.phase == "fetching snapshot" and report.done > plan.base.size * 0.8:
            raise StorageError("the connection broke", operation="get", object=plan.base.key)

    with pytest.raises(StorageError) as caught:
        restore(store, plan, RestoreOptions(output), progress=break_off)
    assert "the same command goes on" in caught.value.hint
    assert not output.exists()
    result = restore(store, plan, RestoreOptions(output))
    store.close()
    changes = sum(change.size for change in plan.changes)
    assert result.bytes_fetched - changes < plan.base.size * 0.9
    assert output.read_bytes() == replica.truth
    assert [path.name for path in tmp_path.iterdir()] == ["out.db"]


@pytest.mark.parametrize("seed", range(usually(3, 12)))
def test_kills_at_random_moments_never_leave_half_a_target(
    seed: int, replica: Replica, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    output = tmp_path / "out.db"
    url = replica.url(rng.choice(["file", "s3"]))
    command = [sys.executable, "-m", "sqlite_recovery_tui", "restore", "-o", str(output), url]
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        timer = threading.Timer(rng.uniform(0.15, 0.9), process.kill)
        timer.start()
        process.wait()
        timer.cancel()
        if output.exists():
            assert output.read_bytes() == replica.truth
            output.unlink()
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == replica.truth
    assert [path.name for path in tmp_path.iterdir()] == ["out.db"]


def test_kills_while_an_old_file_is_replaced_lose_nothing(
    mortal: Victims, small: Replica, tmp_path: Path
) -> None:
    number = 0
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        output = folder / "shop.db"
        _old_database(output)
        outcome = mortal.run(small.folder.as_uri(), str(output), "placing", number, True)
        found = output.read_bytes()
        if found != small.truth:
            assert _rows(output) == ["checkpointed", "in the log"]
        undo = [path for path in folder.iterdir() if ".undo-" in path.name and (path / "shop.db").exists()]
        if found == small.truth:
            assert _rows(undo[0] / "shop.db") == ["checkpointed", "in the log"]
        if outcome == "done":
            break
        assert outcome == "killed"
        _restore(small.folder.as_uri(), output, force=True)
        assert output.read_bytes() == small.truth
        left = [path for path in folder.iterdir() if path != output]
        assert all(".undo-" in path.name and (path / "shop.db").exists() for path in left)
        number += 1
    assert number >= 6


def test_a_cancelled_restore_leaves_nothing_behind(replica: Replica, tmp_path: Path) -> None:
    store, plan = _open(replica.s3)
    cancel = CancelToken()

    def stop(report: Progress) -> None:
        if report.phase == "applying WAL":
            cancel.cancel()

    with pytest.raises(Cancelled):
        restore(store, plan, RestoreOptions(tmp_path / "out.db"), progress=stop, cancel=cancel)
    store.close()
    assert list(tmp_path.iterdir()) == []


def _old_database(path: Path) -> None:
    """Make a database whose last row is only in its write-ahead log, with nobody connected."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t(word)")
    connection.execute("INSERT INTO t VALUES ('checkpointed')")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("INSERT INTO t VALUES ('in the log')")
    connection.commit()
    kept = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-wal")}
    connection.close()
    for suffix, data in kept.items():
        Path(f"{path}{suffix}").write_bytes(data)
    os.chmod(path, 0o640)


def _rows(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT word FROM t ORDER BY rowid")]
    finally:
        connection.close()
