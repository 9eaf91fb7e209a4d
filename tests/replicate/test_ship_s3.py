"""Shipping to S3 through a server that fails: nothing is lost or doubled, and it is said what to do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.open import open_store
from tests.support.copies import fixed_clock
from tests.support.fault_proxy import ALWAYS, Fault, FaultProxy, fault_proxy, s3_error
from tests.support.litestream import litestream
from tests.support.servers import S3Server, moto_s3
from tests.support.shelf import content_of
from tests.support.stretches import Source, source


class Ground:
    """A database that is shipped to a bucket behind a proxy; waiting takes no time."""

    def __init__(self, folder: Path, server: S3Server, proxy: FaultProxy, bucket: str) -> None:
        self.folder, self.server, self.proxy, self.bucket = folder, server, proxy, bucket
        self.clock: FixedClock = fixed_clock()
        self.spool = Spool(folder / "spool", ["s3"])
        self.config = ReplicaConfig(
            name="s3",
            type="s3",
            bucket=bucket,
            path="a/path",
            region=server.region,
            endpoint=proxy.endpoint,
            force_path_style=True,
            access_key_id=Secret(server.access_key),
            secret_access_key=Secret(server.secret_key),
            retention=timedelta(hours=1),
        )
        self.store: Store = open_store(self.config, clock=self.clock)
        self.shipper = Shipper(self.spool, self.store, self.config)

    def ship(self) -> bool:
        return self.shipper.flush()

    def by_litestream(self) -> bytes:
        """Return what Litestream 0.3.13 restores from the bucket itself."""
        port = self.server.endpoint.rpartition(":")[2]
        url = f"s3://{self.bucket}.localhost:{port}/a/path"
        target = self.folder / "by-litestream.db"
        target.unlink(missing_ok=True)
        command = [str(litestream("0.3.13")), "restore", "-o", str(target), url]
        environ = {**os.environ, **self.server.environ}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return target.read_bytes()


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with moto_s3() as running:
        yield running


@pytest.fixture
def ground(server: S3Server, tmp_path: Path) -> Iterator[Ground]:
    bucket = server.make_bucket(f"bucket-{tmp_path.name.replace('_', '-')}"[:60].lower())
    with fault_proxy(server.endpoint) as proxy:
        made = Ground(tmp_path, server, proxy, bucket)
        yield made
        made.store.close()
        made.spool.close()


@pytest.fixture
def database(ground: Ground, tmp_path: Path) -> Iterator[Source]:
    with source(tmp_path / "app.db", ground.spool) as made:
        yield made


def test_whatever_the_server_does_litestream_restores_what_was_committed(
    ground: Ground, database: Source
) -> None:
    for number, fault in enumerate(
        (
            s3_error("InternalError", status=500, method="PUT", times=2),
            s3_error("SlowDown", status=503, method="PUT", times=3),
            Fault("reset-before", method="PUT", times=2),
            Fault("reset-after", method="PUT", times=2),
            Fault("reset-after", method="HEAD", times=1),
            s3_error("ServiceUnavailable", status=503, times=40),  # longer than one attempt has patience
        )
    ):
        database.grow(5, 3000)
        ground.proxy.add(fault)
        tries = 1
        while not ground.ship():
            tries += 1
            assert tries < 20
        if number % 2:
            database.snapshot()
        ground.proxy.clear()
        assert content_of(ground.store) == database.state()
    database.grow()
    assert ground.ship()
    assert ground.by_litestream() == content_of(ground.store) == database.state()


def test_a_large_snapshot_goes_in_parts_and_is_there_once_it_is_whole(
    ground: Ground, database: Source
) -> None:
    database.grow(400, 50_000)
    assert ground.ship()
    database.begin()
    ground.proxy.add(s3_error("InternalError", status=500, method="PUT", target="partNumber=2", times=ALWAYS))
    assert not ground.ship()
    snapshots = [info.key for page in ground.store.list() for info in page if "/snapshots/" in info.key]
    assert len(snapshots) == 1  # that of the generation before
    ground.proxy.clear()
    assert ground.ship()
    assert any("partNumber=2" in request.target for request in ground.proxy.requests)
    assert content_of(ground.store) == database.state() == ground.by_litestream()


@pytest.mark.parametrize(
    ("fault", "told", "hint"),
    [
        (s3_error("ExpiredToken", status=400), "access denied (ExpiredToken)", "the session has ended"),
        (
            s3_error(
                "RequestTimeTooSkewed", status=403, extra="<ServerTime>2026-03-26T12:01:00Z</ServerTime>"
            ),
            "clock is 2:00:00 behind",
            "",
        ),
        (s3_error("AccessDenied", status=403, method="PUT"), "access denied (AccessDenied)", "s3:PutObject"),
        (s3_error("NoSuchBucket", status=404), "bucket", ""),
    ],
)
def test_what_only_the_operator_can_put_right_is_told_and_overcome(
    ground: Ground, database: Source, fault: Fault, told: str, hint: str
) -> None:
    database.grow()
    assert ground.ship()
    database.grow()
    fault.times = ALWAYS
    ground.proxy.clear()
    ground.proxy.add(fault)
    assert not ground.ship()
    trouble = ground.shipper.status.trouble
    assert trouble is not None
    assert told in str(trouble.error)
    assert hint in trouble.error.hint
    assert trouble.is_for_operator
    assert not any(  # a bucket is never made
        request.method == "PUT" and request.target.strip("/") == ground.bucket
        for request in ground.proxy.requests
    )
    ground.proxy.clear()
    assert ground.ship()
    assert content_of(ground.store) == database.state()


def test_shipping_goes_on_where_only_deleting_is_forbidden(ground: Ground, database: Source) -> None:
    shipper = ground.shipper
    for _ in range(3):
        database.grow()
        assert ground.ship()
        database.begin()
    ground.proxy.add(
        s3_error("AccessDenied", status=403, method="DELETE", times=ALWAYS),
        s3_error("AccessDenied", status=403, method="POST", target="delete", times=ALWAYS),
    )
    shipper._pruner._retention = timedelta(microseconds=1)
    shipper._pruner.run(ground.spool.generation)
    assert ground.ship()
    shipper._pruner.run(ground.spool.generation)
    error = shipper.status.retention_error
    assert error is not None
    assert "s3:DeleteObject" in error.hint
    assert shipper.status.trouble is None
    assert content_of(ground.store) == database.state()
