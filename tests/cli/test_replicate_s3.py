"""The command lines of a Litestream user on two unnamed S3 replicas; a store that goes and comes back."""

from __future__ import annotations

import subprocess
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlite_recovery_tui.replicate.control import ask, sockets
from tests.cli.conftest import Cli
from tests.support.daemon import Daemon, wait_until
from tests.support.fault_proxy import ALWAYS, fault_proxy, s3_error
from tests.support.litestream import litestream
from tests.support.servers import S3Server, moto_s3
from tests.support.sql_process import SqlProcess

COUNT = "SELECT count(*) FROM t"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with moto_s3() as running:
        yield running


@pytest.fixture
def database(tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "app.db"
    with SqlProcess(path, "rwc") as application:
        application.rows("PRAGMA journal_mode=WAL")
        application.rows("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    return path


def insert(database: Path, rows: int) -> None:
    with SqlProcess(database) as application:
        for _ in range(rows):
            application.rows("INSERT INTO t DEFAULT VALUES")


def rows(path: Path) -> int:
    with SqlProcess(path) as reader:
        return int(reader.value(COUNT))


def two_regions(tmp_path: Path, database: Path, server: S3Server) -> Path:
    for bucket in ("here", "there"):
        server.make_bucket(bucket)
    config = tmp_path / "litestream.yml"
    config.write_text(
        textwrap.dedent(f"""\
        dbs:
          - path: {database}
            replicas:
              - type: s3
                bucket: here
                path: db
                region: us-east-1
                endpoint: {server.endpoint}
                sync-interval: 100ms
                retention: 24h
              - type: s3
                bucket: there
                path: db
                region: eu-west-1
                endpoint: {server.endpoint}
                sync-interval: 1s
                retention: 720h
        """)
    )
    return config


def test_a_litestream_user_types_what_they_know(
    cli: Cli, database: Path, server: S3Server, tmp_path: Path
) -> None:
    config = two_regions(tmp_path, database, server)
    with Daemon("-config", config) as daemon:
        daemon.wait_for("protected", 2)
        insert(database, 5)
        ask(sockets()[0], {"op": "sync", "wait": 20}, seconds=30)
        time.sleep(0.05)
        early = datetime.now(UTC)
        insert(database, 7)
        assert daemon.end() == 0
    with Daemon("-config", config, "-exec", "sh -c 'exit 4'") as daemon:
        assert daemon.wait() == 4

    database.rename(tmp_path / "gone.db")
    for left in ("-wal", "-shm"):
        (tmp_path / f"app.db{left}").unlink(missing_ok=True)
    assert cli("restore", "-config", config, database).code == 0
    assert rows(database) == 12
    at = early.isoformat().replace("+00:00", "Z")
    answer = cli("restore", "-config", config, "-timestamp", at, "-o", tmp_path / "early.db", database)
    assert answer.code == 0, answer.err
    assert rows(tmp_path / "early.db") == 5
    for name in ("s3", "s3-2"):
        output = tmp_path / f"{name}.db"
        assert cli("restore", "-replica", name, "-config", config, "-o", output, database).code == 0
        assert rows(output) == 12
    for bucket in ("here", "there"):
        url = f"s3://{bucket}.localhost:{server.endpoint.rpartition(':')[2]}/db"
        theirs = tmp_path / f"{bucket}.db"
        subprocess.run([litestream("0.3.13"), "restore", "-o", theirs, url], check=True, timeout=60)
        assert rows(theirs) == 12


def test_a_store_that_goes_away_costs_nothing_and_is_caught_up_with(
    cli: Cli, database: Path, server: S3Server, tmp_path: Path
) -> None:
    server.make_bucket("bucket")
    with fault_proxy(server.endpoint) as proxy:
        url = f"s3://bucket/away?endpoint={proxy.endpoint}&region=us-east-1&forcePathStyle=true"
        with Daemon(database, url) as daemon:
            daemon.wait_for("protected")
            proxy.add(s3_error("InternalError", status=500, times=ALWAYS))
            insert(database, 20)

            def replica() -> dict[str, object]:
                (one,) = ask(sockets()[0], {"op": "status"})["databases"]
                found: dict[str, object] = one["replicas"][0]
                return found

            wait_until(lambda: bool(replica()["error"]), "the failure is never told")
            assert replica()["health"] == "behind"
            assert cli("status").code == 1
            proxy.clear()
            wait_until(lambda: replica()["health"] == "protected", "it never recovers by itself")
            ask(sockets()[0], {"op": "sync", "wait": 20}, seconds=30)
            before = Counter(request.method for request in proxy.requests)
            time.sleep(2.5)
            assert Counter(request.method for request in proxy.requests) == before, (
                "an idle one costs nothing"
            )
            assert daemon.end() == 0
        assert cli("restore", "-o", tmp_path / "out.db", url).code == 0
    assert rows(tmp_path / "out.db") == 20
