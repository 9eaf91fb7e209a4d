"""The daemon as its users run it: what was committed is at the replica, whatever happens to the process."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.replicate.control import ask, asked_until_done, sockets
from tests.cli.conftest import Cli
from tests.support.daemon import Daemon, wait_until
from tests.support.litestream import litestream
from tests.support.sql_process import SqlProcess

ROWS = "SELECT count(*), coalesce(sum(id), 0), coalesce(max(said), '') FROM t"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "srv").mkdir()
    path = tmp_path / "srv" / "app.db"
    with SqlProcess(path, "rwc") as application:
        application.rows("PRAGMA journal_mode=WAL")
        application.rows("CREATE TABLE t (id INTEGER PRIMARY KEY, said TEXT)")
    return path


def insert(application: SqlProcess, rows: int, said: str = "row") -> None:
    for _ in range(rows):
        application.rows(f"INSERT INTO t (said) VALUES ('{said}')")


def content(path: Path) -> Any:
    with SqlProcess(path) as reader:
        assert reader.rows("PRAGMA integrity_check") == [["ok"]]
        return reader.rows(ROWS)


def restored(cli: Cli, replica: Path, tmp_path: Path) -> Any:
    """Return what both restores give, which must be the same."""
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    for path in (ours, theirs):
        path.unlink(missing_ok=True)
    answer = cli("restore", "-o", ours, replica.as_uri())
    assert answer.code == 0, answer.err
    command = [litestream("0.3.13"), "restore", "-o", theirs, replica.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert content(ours) == content(theirs)
    return content(ours)


def settle(database: Path) -> None:
    """Wait until the daemon says that everything is durable."""
    (path,) = sockets()
    assert ask(path, {"op": "sync", "database": str(database), "wait": 30}, seconds=40) == {"durable": True}


def test_what_was_committed_is_restored_by_both_programs(cli: Cli, database: Path, tmp_path: Path) -> None:
    replica = tmp_path / "replica"
    with Daemon(database, replica.as_uri()) as daemon, SqlProcess(database) as application:
        insert(application, 20)
        assert daemon.wait_for("protected") == f"protected at {replica.as_uri()}"
        insert(application, 200)
        application.rows("BEGIN")
        insert(application, 50, "never committed")
        assert daemon.end() == 0
        application.rows("ROLLBACK")
        assert restored(cli, replica, tmp_path) == content(database) == [[220, 24_310, "row"]]
    with SqlProcess(database) as application:
        assert application.rows("SELECT name FROM sqlite_schema") == [["t"]], "it wrote into the database"


def test_a_daemon_that_was_killed_goes_on_where_it_was(cli: Cli, database: Path, tmp_path: Path) -> None:
    replica = tmp_path / "replica"
    with SqlProcess(database) as application:
        for turn in range(3):
            with Daemon(database, replica.as_uri()) as daemon:
                daemon.wait_for("resumed" if turn else "began")
                daemon.wait_for("protected")
                insert(application, 30)
                if turn < 2:
                    settle(database)
                    daemon.end(signal.SIGKILL)
                    insert(application, 30, "while it was down")
                else:
                    assert daemon.end() == 0
        assert restored(cli, replica, tmp_path) == content(database)
    assert len(list((replica / "generations").iterdir())) == 1


def test_a_second_daemon_refuses_and_names_the_first(database: Path, tmp_path: Path) -> None:
    with Daemon(database, (tmp_path / "one").as_uri()) as daemon:
        daemon.wait_for("protected")
        with Daemon(database, (tmp_path / "two").as_uri()) as second:
            assert second.wait() == 7
            assert f"process {daemon.pid} replicates this database already" in second.told
        assert daemon.end() == 0


APPLICATION = """
import os, signal, sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
def end(*_):
    for number in range(40):
        connection.execute("INSERT INTO t (said) VALUES ('while ending')")
    os._exit(5)
signal.signal(signal.SIGTERM, end)
connection.execute("INSERT INTO t (said) VALUES ('began')")
open("ready", "w").close()
while True:
    signal.pause()
"""


def test_the_last_words_of_the_application_are_in_the_replica(
    cli: Cli, database: Path, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    replica = tmp_path / "replica"
    command = f"{sys.executable} {tmp_path / 'app.py'} {database}"
    with Daemon("-exec", command, database, replica.as_uri(), cwd=tmp_path) as daemon:
        wait_until((tmp_path / "ready").exists, "the application never began")
        assert (tmp_path / "ready").stat().st_mode & 0o777 == 0o644, "it got our umask"
        assert daemon.end() == 5
    assert restored(cli, replica, tmp_path) == content(database) == [[41, 861, "while ending"]]


QUICK = """
import sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("INSERT INTO t VALUES (9, 8)")
"""


def test_a_quick_command_loses_nothing(cli: Cli, database: Path, tmp_path: Path) -> None:
    (tmp_path / "quick.py").write_text(QUICK)
    with Daemon(
        "-exec", f"{sys.executable} {tmp_path / 'quick.py'} {database}", database, (tmp_path / "r").as_uri()
    ) as daemon:
        assert daemon.wait() == 0
    assert restored(cli, tmp_path / "r", tmp_path) == [[1, 9, "8"]]


def test_a_database_that_cannot_be_replicated_is_told_at_the_end(tmp_path: Path) -> None:
    with SqlProcess(tmp_path / "plain.db", "rwc") as application:
        application.rows("CREATE TABLE t (a)")
    words = ("-log-level", "error", "-exec", "true")
    with Daemon(*words, tmp_path / "plain.db", (tmp_path / "r").as_uri()) as daemon:
        assert daemon.wait() == 6
        assert {line["level"] for line in daemon.log} == {"error"}
        assert "not in WAL mode" in daemon.wait_for("not durable when it ended")


def test_what_is_not_durable_in_time_is_told_by_the_exit_code(database: Path, tmp_path: Path) -> None:
    config = tmp_path / "sqlrecover.yml"
    config.write_text(
        textwrap.dedent(f"""\
        shutdown-sync-timeout: 300ms
        dbs:
          - path: {database}
            replicas:
              - name: away
                url: s3://bucket/path?endpoint=http://127.0.0.1:1&forcePathStyle=true&region=us-east-1
                access-key-id: k
                secret-access-key: s
        """)
    )
    config.chmod(0o600)
    with Daemon("-config", config, "-exec", "true") as daemon:
        assert daemon.wait() == 6
        assert "are not at away" in daemon.wait_for("not durable when it ended")


def test_once_ships_what_there_is_and_ends(cli: Cli, database: Path, tmp_path: Path) -> None:
    with SqlProcess(database) as application:
        insert(application, 10)
        with Daemon("-once", database, (tmp_path / "r").as_uri()) as daemon:
            assert daemon.wait() == 0
    assert restored(cli, tmp_path / "r", tmp_path) == [[10, 55, "row"]]
    with Daemon("-once", tmp_path / "srv" / "no.db", (tmp_path / "r2").as_uri()) as daemon:
        assert daemon.wait() == 3


def test_a_missing_database_is_restored_before_the_application_begins(
    cli: Cli, database: Path, tmp_path: Path
) -> None:
    with SqlProcess(database) as application:
        insert(application, 10)
    with Daemon("-once", database, (tmp_path / "r").as_uri()) as daemon:
        assert daemon.wait() == 0
    for path in database.parent.glob("app.db*"):
        path.unlink()
    (tmp_path / "app.py").write_text(APPLICATION)
    command = f"{sys.executable} {tmp_path / 'app.py'} {database}"
    with Daemon(
        "-restore-if-db-not-exists", "-exec", command, database, (tmp_path / "r").as_uri(), cwd=tmp_path
    ) as daemon:
        wait_until((tmp_path / "ready").exists, "the application never began")
        daemon.wait_for("restored as of")
        assert daemon.end() == 5
    assert restored(cli, tmp_path / "r", tmp_path) == content(database)
    assert content(database)[0][0] == 51


def test_a_database_that_comes_later_is_waited_for(cli: Cli, tmp_path: Path) -> None:
    late = tmp_path / "late.db"
    with Daemon(late, (tmp_path / "r").as_uri()) as daemon:
        daemon.wait_for("missing")
        with SqlProcess(late, "rwc") as application:
            application.rows("PRAGMA journal_mode=WAL")
            application.rows("CREATE TABLE t (id INTEGER PRIMARY KEY, said TEXT)")
            daemon.wait_for("protected")
            insert(application, 3)
            assert daemon.end() == 0
            assert restored(cli, tmp_path / "r", tmp_path) == [[3, 6, "row"]]


def test_status_tells_how_far_each_replica_is(cli: Cli, database: Path, tmp_path: Path) -> None:
    assert cli("status").code == 3
    with Daemon(database, (tmp_path / "r").as_uri()) as daemon, SqlProcess(database) as application:
        daemon.wait_for("protected")
        insert(application, 3)
        answer = cli("status", "--sync", "--json", database)
        assert answer.code == 0, answer.out
        (told,) = answer.document["daemons"]
        assert told["pid"] == daemon.pid
        (one,) = told["databases"]
        (replica,) = one["replicas"]
        assert (one["health"], one["following"], replica["backlog_commits"]) == ("protected", True, 0)
        assert replica["requests"]["put"] > 1
        assert 0 <= replica["last_durable_commit_age_seconds"] < 60
        shown = cli("status")
        assert "protected" in shown.out
        assert str(database) in shown.out
        missing = cli("status", tmp_path / "other.db")
        assert missing.code == 3
        assert "no running daemon replicates" in missing.err


def test_a_database_that_is_released_can_be_exchanged_and_is_followed_again(
    cli: Cli, database: Path, tmp_path: Path
) -> None:
    with Daemon(database, (tmp_path / "r").as_uri()) as daemon:
        daemon.wait_for("protected")
        (path,) = sockets()
        request = {"op": "release", "database": str(database)}
        with asked_until_done(path, request, seconds=20), closing(sqlite3.connect(database)) as alone:
            assert alone.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
            alone.execute("PRAGMA journal_mode=WAL")
            alone.execute("INSERT INTO t (said) VALUES ('while nobody followed')")
            alone.commit()
        daemon.wait_for("began", 2)
        daemon.wait_for("protected", 2)
        assert daemon.end() == 0
    assert restored(cli, tmp_path / "r", tmp_path) == content(database)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "no configuration found"),
        (("x.db",), 2, "where is x.db to be replicated to?"),
        (("s3://b/p", "file:///x"), 2, "is no database"),
        (("-exec", "a | b", "x.db", "file:///x"), 2, "only a shell understands"),
        (("-exec", "no-such-program", "x.db", "file:///x"), 1, "cannot be run"),
    ],
)
def test_what_cannot_be_done_is_told_on_one_line(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    with Daemon(*words, cwd=tmp_path) as daemon:
        assert daemon.wait() == code
        assert said in daemon.told
