"""The process that does one task after another for its parent, and ends with it.

    python -P -m sqlite_recovery_tui.apart.child DESCRIPTOR [stand-back]

DESCRIPTOR is the socket on which it gets its tasks. Who it is alone with may know the credentials that are
in there: they are in no command line and in no environment. With `stand-back` it lets all others go first.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sqlite_recovery_tui.apart.messages import (
    CANCEL,
    PAUSE,
    STAND_BACK,
    Done,
    Failed,
    Noted,
    portable,
    received,
    send,
)
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
        """Whether the task that is under way is to stop."""
        self._connection = connection
        self._given: SimpleQueue[tuple[bytes, CancelToken] | None] = SimpleQueue()
        self._task: Task[Any] | None = None
        self._lock = threading.Lock()
        self._next = 0.0
        self._phase = ""

    def tasks(self) -> Iterator[Task[Any]]:
        """Yield the tasks as they come, until there is nobody any more who wants one done."""
        threading.Thread(target=self._listen, daemon=True).start()
        loggers = _log_to(self)
        while (given := self._given.get()) is not None:
            data, self.cancel = given
            self._task, level = received(data)
            for logger in loggers:
                logger.setLevel(level)
            yield self._task

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
        """Take tasks in; a wish to stop is for the one before it."""
        cancel = CancelToken()
        try:
            while True:
                message = self._connection.recv_bytes()
                if message == CANCEL:
                    cancel.cancel()
                elif message == PAUSE:
                    cancel.pause()
                else:
                    cancel = CancelToken()
                    self._given.put((message, cancel))
        except (EOFError, OSError):
            cancel.pause()
            self._given.put(None)
            time.sleep(_GRACE_SECONDS)
            os._exit(1)


class _Teller(logging.Handler):
    """Sends log lines to the parent, who keeps the log."""

    def __init__(self, parent: Parent) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        self._parent.tell(Noted(record.name, record.levelno, self.format(record)))


def _log_to(parent: Parent) -> tuple[logging.Logger, ...]:
    logging.captureWarnings(True)
    loggers = logging.getLogger(PACKAGE), logging.getLogger("py.warnings")
    for logger in loggers:
        logger.addHandler(_Teller(parent))
        logger.propagate = False
    return loggers


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
    """Do the tasks that the parent sends."""
    if STAND_BACK in sys.argv:
        stand_back()
    parent = Parent(Connection(int(sys.argv[1])))
    for task in parent.tasks():
        parent.tell(_outcome(task, parent))
    # Threads may still wait for a server that does not answer; nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    main()
