"""The live database of the demo is replicated by a real daemon, which ends with whoever began it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import load
from sqlite_recovery_tui.demo import live
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replicate.control import ask, sockets
from sqlite_recovery_tui.storage.open import open_store

SECONDS = 60.0


def await_(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"it never came to this: {what}"
        time.sleep(0.05)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "production").mkdir()
    config = tmp_path / "litestream.yml"
    config.write_text("dbs:\n")
    return config


def points(config: Path) -> int:
    """Count the restore points."""
    (replica,) = load(config).database(live.NAME).replicas
    store = open_store(replica)
    try:
        return sum(1 for _ in scan(store).points())
    finally:
        store.close()


def health() -> list[str]:
    """Return what the daemons say of their databases."""
    found: list[str] = []
    for socket in sockets():
        with suppress(OSError, RecoverError):
            found += [each["health"] for each in ask(socket, {"op": "status"})["databases"]]
    return found


def test_a_daemon_replicates_it_until_the_end(config: Path) -> None:
    with live.running(config):
        await_("it is protected", lambda: health() == ["protected"])
        first = points(config)
        await_("its restore points grow", lambda: points(config) > first)
    assert health() == []


@pytest.fixture
def parent(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    code = (
        "import sys, pathlib; from sqlite_recovery_tui.demo import live\n"
        "with live.running(pathlib.Path(sys.argv[1])): print('on', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, config], stdin=pipe, stdout=pipe) as process:
        yield process
        process.kill()


def test_it_ends_with_its_parent_whatever_ends_that(parent: subprocess.Popen[bytes], config: Path) -> None:
    assert parent.stdout is not None
    assert select.select([parent.stdout], [], [], SECONDS)[0]
    (daemon,) = children(parent.pid)
    handle = os.pidfd_open(daemon)
    try:
        await_("it is protected", lambda: health() == ["protected"])
        parent.send_signal(signal.SIGKILL)
        assert select.select([handle], [], [], SECONDS)[0], "the daemon has ended"
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)


def children(pid: int) -> list[int]:
    """Return the processes that `pid` began."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
