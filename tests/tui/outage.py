"""A bucket on a real S3 server that a test can kill and start again, behind a network that it can cut."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from sqlite_recovery_tui.config import Settings
from tests.support.fault_proxy import ALWAYS, Fault, FaultProxy, fault_proxy
from tests.support.servers import rclone_s3
from tests.tui.support import settings_for

BUCKET = "replicas"
"""As the sample incident names the folder that they are in."""
PATIENCE = 30.0
Outage = Literal["server killed", "connections cut", "no answer"]
OUTAGES: tuple[Outage, ...] = ("server killed", "connections cut", "no answer")


class Standstill:
    """Requests whose answers are held back, and then never given."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._over = threading.Event()

    def hold(self, _data: bytes) -> bytes:
        self._reached.set()
        self._over.wait(PATIENCE)
        raise ConnectionAbortedError

    async def reached(self) -> None:
        """Wait until the first of them is there."""
        assert await asyncio.to_thread(self._reached.wait, PATIENCE)

    def end(self) -> None:
        """Break the connections that they came on."""
        self._over.set()


class Outages:
    """A bucket that the console reaches at `endpoint` only, as long as nothing is broken."""

    proxy: FaultProxy

    def __init__(self, directory: Path, running: ExitStack) -> None:
        """Serve the folders of `directory`, one of them `BUCKET`, until `running` ends."""
        self._directory = directory
        self._running = running
        self._port = 0
        self.recover()
        self._port = self.proxy.server_port
        self.endpoint = self.proxy.endpoint

    def fail(self, outage: Outage, *, method: str = "", target: str = "") -> None:
        """Break the way to the bucket from now on; but for a killed server, only for these requests."""
        if outage == "server killed":
            self._running.close()
            return
        self.proxy.clear()
        action = "reset-before" if outage == "connections cut" else "hang"
        self.proxy.add(Fault(action, ALWAYS, method, target))

    def stop_at(self, target: str, *, method: str = "GET") -> Standstill:
        """Hold back the answers of such requests until a test has done what it does meanwhile."""
        still = Standstill()
        self.proxy.add(Fault("alter", ALWAYS, method, target, alter=still.hold))
        return still

    def recover(self) -> None:
        """Let everything work again, under the same name."""
        self._running.close()
        server = self._running.enter_context(rclone_s3(self._directory))
        self.proxy = self._running.enter_context(fault_proxy(server.endpoint, port=self._port))

    def settings(self, *replicas: str, scratch: Path) -> Settings:
        """Return settings with one database that has these replicas in the bucket."""
        query = f"?endpoint={self.endpoint}&region=us-east-1"
        return settings_for(*(f"s3://{BUCKET}/{replica}{query}" for replica in replicas), scratch=scratch)


@contextmanager
def outages(directory: Path) -> Iterator[Outages]:
    """Serve `directory` until the end of the block, as often as it is broken."""
    with ExitStack() as running:
        yield Outages(directory, running)
