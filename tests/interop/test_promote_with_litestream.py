"""A database that Litestream 0.3.13 replicates is promoted, written to, taken back; its replica goes on."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.plan import make_plan
from sqlite_recovery_tui.promote.run import Promote, take_back
from tests.promote.conftest import make_database, state_of
from tests.support.litestream import litestream
from tests.support.sql_process import SqlProcess

SECONDS = 30


@contextmanager
def replicating(binary: Path, database: Path, replica: Path) -> Iterator[None]:
    """Run Litestream on a database until the block ends; it ships everything at its end."""
    with subprocess.Popen(
        [binary, "replicate", database, replica.as_uri()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "snapshot written" in line:
                break
        yield
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)


def restored(binary: Path, replica: Path, output: Path) -> Path:
    """Return what Litestream restores of the newest state."""
    subprocess.run(
        [binary, "restore", "-o", output, replica.as_uri()], check=True, capture_output=True, timeout=SECONDS
    )
    return output


def insert(application: SqlProcess, state: str, rows: int) -> None:
    for _ in range(rows):
        application.rows(f"INSERT INTO t (state, body) VALUES ('{state}', '{state} more')")


@pytest.mark.parametrize("mode", ["online", "swap"])
def test_the_replica_restores_what_was_promoted_and_written_after_it(mode: str, tmp_path: Path) -> None:
    binary = litestream("0.3.13")
    (tmp_path / "srv").mkdir()
    live = make_database(tmp_path / "srv" / "app.db", "old", rows=2_000)
    new = make_database(tmp_path / "new.db", "new", rows=3_000)
    replica = tmp_path / "replica"
    if mode == "online":
        with replicating(binary, live, replica), SqlProcess(live) as application:
            insert(application, "old", 50)
            done = Promote(make_plan(new, live)).run("app.db")
            assert done.mode == "online"
            insert(application, "new", 50)
        expected = [("new", 3_050)]
    else:  # a rename needs everybody out; then replication begins anew
        with replicating(binary, live, replica):
            pass
        Promote(make_plan(new, live, mode="swap")).run("app.db")
        with replicating(binary, live, replica), SqlProcess(live) as application:
            insert(application, "new", 50)
        expected = [("new", 3_050)]
    assert [state_of(restored(binary, replica, tmp_path / "restored.db"))] == expected
    assert [state_of(live)] == expected


def test_an_undo_is_one_more_commit_of_the_replica(tmp_path: Path) -> None:
    binary = litestream("0.3.13")
    (tmp_path / "srv").mkdir()
    live = make_database(tmp_path / "srv" / "app.db", "old", rows=500)
    new = make_database(tmp_path / "new.db", "new", rows=700)
    replica = tmp_path / "replica"
    with replicating(binary, live, replica), SqlProcess(live) as application:
        Promote(make_plan(new, live)).run("app.db")
        insert(application, "new", 5)
        take_back(undo.find(Beside(live), None), live, confirm="app.db")
        insert(application, "old", 5)
    assert state_of(restored(binary, replica, tmp_path / "restored.db")) == ("old", 505)
