"""A database that our daemon replicates is promoted under load and taken back; both programs restore it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.plan import PromotePlan, make_plan
from sqlite_recovery_tui.promote.run import Promote, take_back
from sqlite_recovery_tui.replicate.missing import restore_missing
from tests.promote.conftest import make_database, state_of
from tests.support.daemon import Daemon
from tests.support.litestream import litestream
from tests.support.sql_process import SqlProcess


@contextmanager
def load(database: Path, state: str) -> Iterator[list[int]]:
    """Insert rows until the block ends; gives how many there are, one entry for each."""
    stop, rows = threading.Event(), list[int]()

    def work() -> None:
        with SqlProcess(database) as application:
            while not stop.is_set():
                answer = application.ask(f"INSERT INTO t (state, body) VALUES ('{state}', '{state} more')")
                rows.extend([1] if "rows" in answer else [])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield rows
    finally:
        stop.set()
        thread.join()


def restored(replica: Path, folder: Path) -> tuple[str, int]:
    """Return what both programs restore, which must be the same."""
    from sqlite_recovery_tui.clock import SYSTEM
    from sqlite_recovery_tui.config import DatabaseConfig
    from sqlite_recovery_tui.progress import CancelToken

    ours, theirs = folder / "ours.db", folder / "theirs.db"
    for path in (ours, theirs):
        path.unlink(missing_ok=True)
    config = DatabaseConfig(ours, ours.name, (replica_from_url(replica.as_uri()),))
    assert restore_missing(config, clock=SYSTEM, cancel=CancelToken()) is not None
    command = [litestream("0.3.13"), "restore", "-o", theirs, replica.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert state_of(ours) == state_of(theirs)
    return state_of(ours)


def planned_for(plan: PromotePlan, daemon: Daemon) -> str:
    """Return what the plan says of our daemon, which is this one."""
    assert plan.live.daemon is not None
    assert plan.live.daemon.pid == daemon.pid
    said = plan.to_json()["daemon"]
    assert isinstance(said, str)
    return said


@pytest.mark.parametrize("mode", ["online", "swap"])
def test_promote_and_undo_under_a_running_daemon(mode: str, tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    live = make_database(tmp_path / "srv" / "app.db", "old", rows=300)
    new = make_database(tmp_path / "new.db", "new", rows=400)
    replica, socket = tmp_path / "replica", tmp_path / "elsewhere.sock"
    config = tmp_path / "sqlrecover.yml"
    config.write_text(
        f"dbs: [{{path: {live}, replicas: [{{path: {replica}}}]}}]\n"
        f"sqlrecover: {{control-socket: {socket}}}\n"
    )
    with Daemon("--config", config) as daemon:
        daemon.wait_for("protected")
        if mode == "online":
            with SqlProcess(live) as application:
                application.rows("INSERT INTO t (state, body) VALUES ('old', 'old more')")
                plan = make_plan(new, live, socket=socket)
                assert [holder.pid for holder in plan.live.applications] == [application.pid]
                assert planned_for(plan, daemon).endswith("it stays, and ships the promote as one commit")
                Promote(plan).run("app.db")
                with load(live, "new") as rows:
                    threading.Event().wait(0.3)
            expected = ("new", 400 + len(rows))
        else:  # nobody else may have it open; the daemon lets go by itself
            plan = make_plan(new, live, mode="swap", socket=socket)
            assert plan.live.applications == plan.choice.warnings == ()
            assert planned_for(plan, daemon).endswith("and begins a new generation at once")
            Promote(plan).run("app.db")
            daemon.wait_for("began", 2)
            daemon.wait_for("protected", 2)
            with load(live, "new") as rows:
                threading.Event().wait(0.3)
            expected = ("new", 400 + len(rows))
        assert len(rows) > 0
        assert daemon.end() == 0
    assert restored(replica, tmp_path) == expected == state_of(live)

    with Daemon(live, replica.as_uri()) as daemon:
        daemon.wait_for("protected")
        take_back(undo.find(Beside(live), None), live, confirm="app.db")
        with load(live, "old") as rows:
            threading.Event().wait(0.3)
        assert daemon.end() == 0
    before = 301 if mode == "online" else 300
    assert restored(replica, tmp_path) == ("old", before + len(rows)) == state_of(live)
