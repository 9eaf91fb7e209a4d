"""The daemon from start to exit code: databases, control socket, metrics, the application as a child."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import DaemonConfig, DatabaseConfig, DirectoryConfig
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.replicate.answers import Answers
from sqlite_recovery_tui.replicate.child import Child, split_command
from sqlite_recovery_tui.replicate.control import ControlSocket, default_socket
from sqlite_recovery_tui.replicate.directories import Directories
from sqlite_recovery_tui.replicate.drilling import Drilling
from sqlite_recovery_tui.replicate.metrics import serve_metrics
from sqlite_recovery_tui.replicate.run import Life
from sqlite_recovery_tui.replicate.supervisor import Supervisor

_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Daemon:
    """What is replicated, and how."""

    databases: Sequence[DatabaseConfig]
    config: DaemonConfig
    directories: Sequence[DirectoryConfig] = ()
    """Where databases may appear or go while it runs."""
    once: bool = False
    """Replicate what there is, then end."""
    restore: bool = False
    """Restore every database that is missing."""
    source: str = ""
    """The configuration's file."""
    umask: int = 0o022
    """Of the child; this process keeps what it writes to itself."""
    clock: Clock = SYSTEM
    verified: Callable[[str], datetime | None] = lambda _url: None
    """When a restore of the replica at a URL was last proven."""
    proven: Callable[[str], Sequence[Position]] = lambda _url: ()
    """Which positions of it were, the newest first: retention keeps the first that is still there."""

    def run(self, say: Callable[[str], None]) -> int:
        """Replicate until a signal, the child's end, or with `once` until everything is durable.

        Return the exit code; `say` is told what could not be made durable. Raises `RecoverError` for what
        keeps it from starting: another daemon, a database that is missing and cannot be restored.
        """
        words = split_command(self.config.command) if self.config.command else []
        with ExitStack() as stack:
            supervisor = Supervisor(
                self.databases,
                self.config,
                restore=self.restore,
                clock=self.clock,
                source=self.source,
                verified=self.verified,
                proven=self.proven,
            )
            stack.callback(supervisor.close)
            seconds = self.config.shutdown_sync_timeout.total_seconds()
            child = Child(words, umask=self.umask) if words else None
            life = Life(lambda: supervisor.stop(seconds), say, child)

            def begin(done: Callable[[], None]) -> None:
                if words or self.once:  # the application must not find an empty place and fill it
                    supervisor.restore_missing(life.cancel)
                if self.once:
                    self._need_all()
                supervisor.start()
                self._listen(supervisor, stack)
                self._watch(supervisor, stack)
                self._prove(stack)
                if self.once:
                    self._end_when_durable(supervisor, seconds, done)

            return life.run(begin)

    def _listen(self, supervisor: Supervisor, stack: ExitStack) -> None:
        path = self.config.control_socket or default_socket()
        stack.callback(ControlSocket(path, Answers(supervisor)).close)
        if self.config.addr:
            stack.callback(serve_metrics(self.config.addr, supervisor.status).close)

    def _watch(self, supervisor: Supervisor, stack: ExitStack) -> None:
        watched = [directory for directory in self.directories if directory.watch]
        if watched and not self.once:
            stack.callback(Directories(watched, self.databases, supervisor).close)

    def _prove(self, stack: ExitStack) -> None:
        """Restore now and then what was replicated, if the configuration says so."""
        if self.config.drill_every is None or not self.source or self.once:
            return
        urls = [replica.url for database in self.databases for replica in database.replicas]
        stack.callback(Drilling(self.config, self.source, urls, self.verified, self.clock).close)

    def _need_all(self) -> None:
        missing = [database.path for database in self.databases if not database.path.exists()]
        if missing:
            raise NotFoundError(
                f"there is no database {missing[0]}",
                object=str(missing[0]),
                hint="-restore-if-db-not-exists restores it first; without -once it is waited for",
            )

    def _end_when_durable(self, supervisor: Supervisor, seconds: float, done: Callable[[], None]) -> None:
        """Call `done` when everything is at the replicas, or one of them has failed for `seconds`."""
        now = self.clock.now()

        def watch() -> None:
            failing_since: float | None = None
            while not all(minder.is_durable(now) for minder in supervisor.minders):
                fails = any(
                    replica.error for minder in supervisor.minders for replica in minder.status().replicas
                )
                failing_since = (failing_since or time.monotonic()) if fails else None
                if failing_since is not None and time.monotonic() - failing_since > seconds:
                    break
                time.sleep(_LOOK_SECONDS)
            done()

        threading.Thread(target=watch, name="once", daemon=True).start()
