"""Drills beside replication: restores that prove the replicas, whenever the last proof of one is too old.

Each runs in a process of its own, which touches no database that is replicated, and may be ended any time.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import DaemonConfig

_LOG = logging.getLogger("sqlite_recovery_tui.replicate")
_LOOK_SECONDS = 60.0
_NICE = 10
_END_SECONDS = 5.0


class Drilling:
    """Starts `sqlrecover drill` for the databases of a configuration when it is time to."""

    def __init__(
        self,
        config: DaemonConfig,
        source: str,
        urls: Sequence[str],
        verified: Callable[[str], datetime | None],
        clock: Clock = SYSTEM,
    ) -> None:
        """Judge by when each replica at `urls` was last `verified`; `source` is the file that names them."""
        assert config.drill_every is not None
        self._every = config.drill_every
        command = "drill", "-all", "-nagios", "-at", config.drill_at, "-config", source
        self._words = (sys.executable, "-m", "sqlite_recovery_tui", *command)
        self._urls, self._verified, self._clock = urls, verified, clock
        self._tried: datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drill", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End a drill that is under way, and begin no other."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pause = min(self._every.total_seconds(), _LOOK_SECONDS)
        while not self._stop.wait(pause):
            now = self._clock.now()
            proofs = [self._verified(url) for url in self._urls]
            if is_due(now, self._every, self._tried, proofs):
                self._tried = now
                self._drill()

    def _drill(self) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603  # our own program
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            _LOG.error("no drill could be started: %s", error)
            return
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        told = self._outcome(process)
        if told is None:
            return
        line = told.strip().rpartition("\n")[2] or "it ended without a word"
        if process.returncode == 0:
            _LOG.info("drill: %s", line)
        else:
            _LOG.error("drill: %s (see `sqlrecover history -kind drill`)", line)

    def _outcome(self, process: subprocess.Popen[str]) -> str | None:
        """Wait for a drill; return what it says, None when it was ended."""
        while True:
            try:
                return process.communicate(timeout=0.5)[0]
            except subprocess.TimeoutExpired:
                if not self._stop.is_set():
                    continue
            process.terminate()
            try:
                process.communicate(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            return None


def is_due(
    now: datetime, every: timedelta, tried: datetime | None, proofs: Sequence[datetime | None]
) -> bool:
    """Tell whether a proof is missing or too old, and the last try as well.

    A replica that cannot be proven is tried again as seldom as one that can.
    """
    if tried is not None and now - tried < every:
        return False
    return any(proof is None or now - proof >= every for proof in proofs)
