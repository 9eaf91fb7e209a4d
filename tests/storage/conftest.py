"""One store of every kind, each on a server or directory of its own, and the servers behind them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.files import FileStore
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.raw import Raw
from sqlite_recovery_tui.storage.retry import Retry
from sqlite_recovery_tui.storage.s3 import S3Site
from sqlite_recovery_tui.storage.sftp import sftp_store
from sqlite_recovery_tui.storage.timeouts import PATIENT, Timeouts
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.servers import S3Server, SftpServer, moto_s3, rclone_s3, rclone_sftp

KINDS = ("files", "memory", "s3-moto", "s3-rclone", "s3-signed", "sftp")
QUICK = Timeouts(connect_seconds=0.5, read_seconds=0.5)
"""For servers that never answer."""
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    with moto_s3() as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone_s3(tmp_path_factory.mktemp("rclone-s3")) as server:
        yield server


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    root = tmp_path_factory.mktemp("rclone-sftp")
    with rclone_sftp(root, keys=tmp_path_factory.mktemp("keys")) as server:
        yield server


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy(moto.endpoint) as running:
        yield running


@dataclass
class Place:
    """An empty store and what a test may expect of its kind."""

    kind: str
    store: Store
    missing: Store
    """The same kind of store where there is no bucket or directory."""
    any_key: bool
    """Whether every key can be stored; where keys are paths, some cannot."""
    bucket: str = ""
    directory: Path | None = None
    """Where the objects are files, the folder that holds them."""
    clock: FixedClock = field(default_factory=lambda: FixedClock(datetime.now(UTC)))


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    built = build(request, request.param, tmp_path)
    with closing(built.store), closing(built.missing):
        yield built


def build(request: pytest.FixtureRequest, kind: str, folder: Path) -> Place:
    """Return a new place of that kind; servers are started when first needed."""
    if kind == "files":
        root = folder / "root"
        root.mkdir()
        return Place(kind, FileStore(root), FileStore(folder / "none"), any_key=False, directory=root)
    if kind == "memory":
        return Place(kind, MemoryStore("m"), MemoryStore("none", exists=False), any_key=True)
    if kind == "sftp":
        server: SftpServer = request.getfixturevalue("sftp_server")
        name = f"place{next(_NUMBERS)}"
        root = server.make_directory(name)
        known = folder / "known_hosts"
        known.write_text(server.known_host + "\n")
        stores = [sftp_of(server, path, known) for path in (name, "none")]
        return Place(kind, *stores, any_key=False, directory=root)
    s3: S3Server = request.getfixturevalue("rclone" if kind == "s3-rclone" else "moto")
    bucket = s3.make_bucket(f"bucket{next(_NUMBERS)}")
    root = s3.directory / bucket / ROOT if s3.directory else None
    signed = kind == "s3-signed"
    stores = [s3_of(s3, name, signed=signed) for name in (bucket, "no-such-bucket")]
    return Place(kind, *stores, any_key=root is None, bucket=bucket, directory=root)


ROOT = "backups/app db+ä%20"
"""The prefix of the stores in object storage: nothing in it may be taken for an escape."""


def s3_config(server: S3Server, bucket: str, *, endpoint: str = "", path: str = ROOT) -> ReplicaConfig:
    return ReplicaConfig(
        "s3",
        "s3",
        bucket=bucket,
        path=path,
        endpoint=endpoint or server.endpoint,
        access_key_id=Secret(server.access_key),
        secret_access_key=Secret(server.secret_key),
    )


def s3_of(
    server: S3Server,
    bucket: str,
    *,
    endpoint: str = "",
    path: str = ROOT,
    clock: FixedClock | None = None,
    signed: bool = False,
    timeouts: Timeouts = PATIENT,
) -> ObjectStore:
    """Return a store on a server that waits on a clock of its own, so that no test really waits."""
    clock = clock or FixedClock(datetime.now(UTC))
    config = s3_config(server, bucket, endpoint=endpoint, path=path)
    site = (SignedSite if signed else S3Site)(config, clock=clock, timeouts=timeouts, environ={})
    return ObjectStore(site, root=path, url=config.url, retry=Retry(clock))


def put_noted(server: S3Server, bucket: str, key: str, data: bytes, time: str) -> None:
    """Store an object as Litestream does, with the time of its data noted beside it."""
    site = S3Site(s3_config(server, bucket, path=""), environ={})
    site.signed_client().ask(
        "PUT", key, headers={"x-amz-meta-Litestream-Timestamp": time}, body=data
    ).body.read()
    site.close()


class SignedSite(S3Site):
    """S3 with every request by the way that is otherwise for odd keys."""

    def raw(self) -> Raw:
        return self.raw_for_odd_keys()


def sftp_of(
    server: SftpServer, path: str, known_hosts: Path, *, timeouts: Timeouts = PATIENT, **changes: object
) -> ObjectStore:
    settings: dict[str, object] = {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": Secret(server.password),
        "path": path,
        **changes,
    }
    config = ReplicaConfig("sftp", "sftp", **settings)  # type: ignore[arg-type]
    clock = FixedClock(datetime.now(UTC))
    return sftp_store(config, retry=Retry(clock), timeouts=timeouts, known_hosts=[known_hosts])
