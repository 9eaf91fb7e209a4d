"""Google, Azure and SFTP: what is shipped there is laid out as Litestream's, restored, resumed and fenced."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from sqlite_recovery_tui.clock import SYSTEM, FixedClock
from sqlite_recovery_tui.config import DatabaseConfig, ReplicaConfig, Secret
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.control import ask
from sqlite_recovery_tui.replicate.lease import LeaseLost, Taken
from sqlite_recovery_tui.replicate.missing import restore_missing
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.open import open_store
from tests.support.cloud_server import cloud_server
from tests.support.daemon import Daemon, wait_until
from tests.support.litestream import litestream
from tests.support.servers import rclone_sftp
from tests.support.shelf import content_of
from tests.support.sql_process import SqlProcess
from tests.support.stretches import Source, source

KINDS = ("gs", "abs", "sftp")
KEY = base64.b64encode(b"not the key of any account").decode()
_LAYOUT = re.compile(
    r"generations/[0-9a-f]{16}/(snapshots/[0-9a-f]{8}\.snapshot|wal/[0-9a-f]{8}_[0-9a-f]{8}\.wal)\.lz4"
    r"|sqlrecover/.+"
)


@dataclass
class Service:
    """A service, an empty place there, and what lies in it."""

    config: ReplicaConfig
    listed: Callable[[], list[str]]
    url: str = ""
    """Where Litestream finds it; empty where it cannot be told of a server of our own."""


@contextmanager
def cloud(kind: str) -> Iterator[Service]:
    account = {"account_name": "acme", "account_key": Secret(KEY)} if kind == "abs" else {}
    with cloud_server(kind) as server:  # type: ignore[arg-type]
        config = ReplicaConfig(
            kind,
            kind,
            bucket="backups",
            path="app db",
            endpoint=server.endpoint,
            **account,  # type: ignore[arg-type]
        )
        yield Service(config, lambda: [key.removeprefix("app db/") for key in server.stored()])


@contextmanager
def sftp(folder: Path) -> Iterator[Service]:
    (folder / "keys").mkdir()
    (folder / "served").mkdir()
    with rclone_sftp(folder / "served", keys=folder / "keys") as server:
        root = server.make_directory("app")
        config = ReplicaConfig(
            "sftp",
            "sftp",
            path="/app",
            host=server.host,
            port=server.port,
            user=server.user,
            password=Secret(server.password),
            host_key=server.known_host.split(" ", 1)[1],
        )
        login = f"{server.user}:{quote(server.password)}"

        def keys() -> list[str]:
            return sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file())

        yield Service(config, keys, f"sftp://{login}@{server.host}:{server.port}/app")


@pytest.fixture(params=KINDS)
def service(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    no_account = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(no_account))
    with sftp(tmp_path) if request.param == "sftp" else cloud(request.param) as made:
        yield made


class Host:
    """A machine that ships a database to a service; waiting takes no time."""

    def __init__(self, folder: Path, config: ReplicaConfig, clock: FixedClock) -> None:
        self.folder, self.config, self.clock = folder, replace(config, retention=timedelta(hours=1)), clock
        self._stack = ExitStack()
        self.open()
        self.source: Source = self._stack.enter_context(source(folder / "app.db", self.spool))

    def open(self) -> None:
        """Begin as a process does."""
        self.spool = Spool(self.folder / "spool", [self.config.name], clock=self.clock)
        self.store = self._stack.enter_context(closing(open_store(self.config, clock=self.clock)))
        self.shipper = Shipper(self.spool, self.store, self.config, clock=self.clock)

    def begin_again(self) -> None:
        self.spool.close()
        self.open()
        self.source.sink = self.spool

    def turn(self, seconds: float = 10) -> None:
        self.clock.sleep(seconds)
        self.shipper.step()

    def close(self) -> None:
        self._stack.close()
        self.spool.close()


@pytest.fixture
def host(service: Service, tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    clock = FixedClock(datetime.now(UTC))
    with ExitStack() as stack:

        def make(name: str) -> Host:
            (tmp_path / name).mkdir()
            made = Host(tmp_path / name, service.config, clock)
            stack.callback(made.close)
            return made

        yield make


def by_litestream(service: Service, output: Path) -> bytes:
    command = [litestream("0.3.13"), "restore", "-o", output, service.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return output.read_bytes()


def test_what_is_shipped_is_laid_out_restored_and_resumed(
    service: Service, host: Callable[[str], Host], tmp_path: Path
) -> None:
    first = host("one")
    for _ in range(3):
        first.source.grow(5, 3000)
        first.turn()
    first.source.snapshot()
    first.source.grow(30, 200_000)  # more than goes in one request
    assert first.shipper.flush()
    assert content_of(first.store) == first.source.state()
    before = service.listed()
    assert [key for key in before if not _LAYOUT.fullmatch(key)] == []

    first.begin_again()
    first.source.grow()
    assert first.shipper.flush()
    after = service.listed()
    parsed = {key for key in after if names.parse_key(key)}
    assert len(parsed - set(before)) == 1  # the new segment, and nothing once more
    assert len({key.split("/")[1] for key in parsed}) == 1
    assert content_of(first.store) == first.source.state()
    if service.url:
        assert by_litestream(service, tmp_path / "theirs.db") == first.source.state()
    first.source.begin()
    first.shipper.flush()
    first.turn(7200)
    first.turn(7200)
    assert {key.split("/")[1] for key in service.listed() if names.parse_key(key)} == {first.spool.generation}
    assert content_of(first.store) == first.source.state()


def test_two_hosts_do_not_share_a_place(service: Service, host: Callable[[str], Host]) -> None:
    first, second = host("one"), host("two")
    first.source.grow()
    first.turn()
    second.turn()
    assert isinstance(second.shipper.status.trouble and second.shipper.status.trouble.error, Taken)
    assert {key.split("/")[1] for key in service.listed() if names.parse_key(key)} == {first.spool.generation}
    second.turn(300)  # the first one is idle
    assert second.shipper.status.state == "live"
    there = service.listed()
    first.source.grow()
    first.turn(60)
    assert first.shipper.status.state == "fenced"
    assert isinstance(first.shipper.status.trouble and first.shipper.status.trouble.error, LeaseLost)
    assert service.listed() == there  # nothing was written, nothing was taken away
    ours = content_of(second.store, generation=second.spool.generation)
    assert ours == second.source.state()


def test_a_generation_of_somebody_else_stops_it(service: Service, host: Callable[[str], Host]) -> None:
    first = host("one")
    first.source.grow()
    first.turn()
    first.store.put(names.snapshot_key("f" * 16, 0), b"of another program")
    first.source.grow()
    there = service.listed()
    first.turn(60)
    assert first.shipper.status.state == "fenced"
    assert service.listed() == there


def config_of(replica: ReplicaConfig, folder: Path) -> Path:
    """Write the configuration of a daemon."""
    assert replica.password is not None
    file = folder / "sqlrecover.yml"
    file.touch(0o600)
    file.write_text(
        f"dbs:\n- path: {folder}/app.db\n  replicas:\n  - type: sftp\n    sync-interval: 50ms\n"
        f"    host: {replica.host}:{replica.port}\n    user: {replica.user}\n    path: {replica.path}\n"
        f"    password: {replica.password.reveal()}\n    host-key: {replica.host_key}\n"
        f"sqlrecover: {{control-socket: {folder}/socket}}\n"
    )
    return file


def test_a_daemon_that_is_killed_goes_on_over_sftp(tmp_path: Path) -> None:
    with sftp(tmp_path) as service, SqlProcess(tmp_path / "app.db", "rwc") as application:
        application.rows("PRAGMA journal_mode = wal")
        application.rows("CREATE TABLE t (a INTEGER PRIMARY KEY)")

        def is_durable() -> bool:
            try:
                return bool(ask(tmp_path / "socket", {"op": "sync", "wait": 5}, seconds=20)["durable"])
            except OSError:  # it does not listen yet
                return False

        for _ in range(2):
            with Daemon("--config", config_of(service.config, tmp_path)) as daemon:
                for _ in range(20):
                    application.rows("INSERT INTO t DEFAULT VALUES")
                wait_until(is_durable, "it is never durable")
                application.rows("INSERT INTO t DEFAULT VALUES")
                daemon.end(signal.SIGKILL)
        with Daemon("--config", config_of(service.config, tmp_path)) as daemon:
            wait_until(is_durable, "it does not go on")
            assert daemon.end() == 0
        ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
        place = DatabaseConfig(ours, ours.name, (service.config,))
        assert restore_missing(place, clock=SYSTEM, cancel=CancelToken()) is not None
        by_litestream(service, theirs)
        live = application.rows("SELECT a FROM t")
        assert len(live) == 42
        for path in (ours, theirs):
            with SqlProcess(path) as reader:
                assert reader.rows("SELECT a FROM t") == live
        assert len({key.split("/")[1] for key in service.listed() if names.parse_key(key)}) == 1
