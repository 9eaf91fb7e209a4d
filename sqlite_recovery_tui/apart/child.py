"""The process that does one task for its parent and ends; it ends with its parent, too.

    python -P -m sqlite_recovery_tui.apart.child DESCRIPTOR

DESCRIPTOR is the socket on which it gets its task. Who it is alone with may know the credentials that are
in there: they are in no command line and in no environment.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.apart.messages import CANCEL, Done, Failed, Noted, portable, received, send
from sqlite_recovery_tui.apart.task import Task
from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.log import LOGGER as PACKAGE
from sqlite_recovery_tui.progress import CancelToken, Progress

LOGGER = logging.getLogger(f"{PACKAGE}.apart")
NICE = 10
"""Its share of a processor that others want, too, is a tenth of theirs."""
_REPORT_SECONDS = 0.05
"""How often progress is told within one step."""
_GRACE_SECONDS = 1.0
"""How long the task may take to leave what it has once the parent is gone."""


class Parent:
    """The other end; may be told things from any thread."""

    def __init__(self, connection: Connection) -> None:
        """Talk through `connection`."""
        self.cancel = CancelToken()
        self._connection = connection
        self._task: Task[Any] | None = None
        self._lock = threading.Lock()
        self._next = 0.0
        self._phase = ""

    def task(self) -> Task[Any]:
        """Wait for the task; from then on listen for the wish to stop."""
        task: Task[Any]
        task, level = received(self._connection.recv_bytes())
        self._task = task
        _log_to(self, level)
        threading.Thread(target=self._listen, daemon=True).start()
        return task

    def tell(self, message: object) -> None:
        """Send a message; of a parent that is gone the other thread knows."""
        with self._lock, suppress(OSError):
            send(self._connection, message, self._task)

    def progress(self, progress: Progress) -> None:
        """Tell how far it is, not more often than anybody can see."""
        now = time.monotonic()
        if progress.phase != self._phase or now >= self._next:
            self._phase, self._next = progress.phase, now + _REPORT_SECONDS
            self.tell(progress)

    def _listen(self) -> None:
        try:
            while True:
                if self._connection.recv_bytes() == CANCEL:
                    self.cancel.cancel()
                else:
                    self.cancel.pause()
        except (EOFError, OSError):
            self.cancel.pause()
            time.sleep(_GRACE_SECONDS)
            os._exit(1)


class _Teller(logging.Handler):
    """Sends log lines to the parent, who keeps the log."""

    def __init__(self, parent: Parent) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        self._parent.tell(Noted(record.name, record.levelno, self.format(record)))


def _log_to(parent: Parent, level: int) -> None:
    logging.captureWarnings(True)
    for name in (PACKAGE, "py.warnings"):
        logger = logging.getLogger(name)
        logger.addHandler(_Teller(parent))
        logger.setLevel(level)
        logger.propagate = False


def _outcome(task: Task[Any], parent: Parent) -> Done | Failed:
    try:
        return Done(task.carry_out(parent.progress, parent.cancel, SYSTEM))
    except RecoverError as error:
        return Failed(portable(error))
    except Exception as error:
        LOGGER.exception("unexpected failure of the %s", task.name)
        return Failed(portable(error))


def stand_back() -> None:
    """Let everybody go first who has something to do, the screen and its terminal above all."""
    with suppress(OSError):
        os.nice(max(0, NICE - os.getpriority(os.PRIO_PROCESS, 0)))
    # Where sessions are scheduled as groups (sched(7), autogroup) priorities count within each alone, and
    # the terminal has one of its own: then it is this one's priority as a whole that counts.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))
    _leave_one_processor()


def _leave_one_processor() -> None:
    """Use all processors but one, where the system lets one choose: on it a key never waits for a turn."""
    if sys.platform == "linux":
        mine = os.sched_getaffinity(0)
        if len(mine) > 1:
            with suppress(OSError):
                os.sched_setaffinity(0, mine - {min(mine)})


def main() -> None:
    """Do the task that the parent sends."""
    stand_back()
    parent = Parent(Connection(int(sys.argv[1])))
    task = parent.task()
    parent.tell(_outcome(task, parent))
    # Threads may still wait for a server that does not answer; nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    main()
