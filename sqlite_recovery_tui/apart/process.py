"""The parent's end: start the process, hand it tasks, pass on what it tells, and say how it died."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import Pipe
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from sqlite_recovery_tui.apart.messages import CANCEL, PAUSE, STAND_BACK, Done, Failed, Noted, received, send
from sqlite_recovery_tui.apart.task import Task
from sqlite_recovery_tui.errors import Cancelled, RecoverError, WorkerDied
from sqlite_recovery_tui.log import LOGGER as PACKAGE
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
# Without -P whatever lies in the current directory could be imported.
_COMMAND = (sys.executable, "-P", "-X", "faulthandler", "-m", "sqlite_recovery_tui.apart.child")
_LOOK_SECONDS = 0.1
"""How late the child may learn that it is to stop."""
_END_SECONDS = 5.0
"""How long it may take to end once it has said its last word."""
_TAIL_BYTES = 4096


def carry_out(task: Task[T], *, progress: ProgressFn, cancel: CancelToken) -> T:
    """Do `task` in a process of its own, which lets all others go first.

    Raises what the task raises, and `WorkerDied`. The process ends with this one, however that ends.
    """
    with Worker(STAND_BACK) as worker:
        return worker.carry_out(task, progress=progress, cancel=cancel)


class Worker:
    """One process that does one task after another."""

    def __init__(self, *options: str) -> None:
        """Start it; it waits for a task. Raises `RecoverError` when there can be no more processes."""
        self._told: bytes | None = None
        self._given_up = False
        self._last_words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self._connection, far = Pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                (*_COMMAND, str(far.fileno()), *options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._last_words,
                pass_fds=(far.fileno(),),
                # What is typed at the terminal is not for it, and it has a priority of its own: `stand_back`.
                start_new_session=True,
            )
        except OSError as error:
            self._connection.close()
            self._last_words.close()
            raise RecoverError(f"no process could be started: {error.strerror}") from None
        finally:
            far.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(_END_SECONDS if error is None else 0)

    def carry_out(self, task: Task[T], *, progress: ProgressFn, cancel: CancelToken) -> T:
        """Have it do a task; raises what the task raises, `WorkerDied`, and `Cancelled` after `kill`."""
        self._begin(task)
        outcome = self._outcome(task, progress, cancel)
        if isinstance(outcome, Failed):
            raise outcome.error
        result: T = outcome.result
        return result

    def close(self, seconds: float = _END_SECONDS) -> None:
        """Let it end by itself, as it does when it has nothing to do; kill it when it takes longer."""
        self._connection.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._last_words.close()

    def kill(self) -> None:
        """End it whatever it does; its task is cancelled by that."""
        self._given_up = True
        self._process.kill()

    def _begin(self, task: Task[Any]) -> None:
        self._told = None
        try:
            send(self._connection, (task, logging.getLogger(PACKAGE).getEffectiveLevel()))
        except OSError:
            raise self._died(task) from None

    def _outcome(self, task: Task[Any], progress: ProgressFn, cancel: CancelToken) -> Done | Failed:
        """Wait for its last word; pass on what it reports, and that it is to stop."""
        while True:
            message = self._message(task, cancel)
            match message:
                case Progress():
                    progress(message)
                case Noted(name, level, text):
                    logging.getLogger(name).log(level, "%s", text)
                case Done() | Failed():
                    return message

    def _message(self, task: Task[Any], cancel: CancelToken) -> Any:
        try:
            self._pass_on(cancel)
            while not self._connection.poll(_LOOK_SECONDS):
                self._pass_on(cancel)
            data = self._connection.recv_bytes()
        except (EOFError, OSError):
            raise self._died(task) from None
        return received(data, task)

    def _pass_on(self, cancel: CancelToken) -> None:
        if not cancel.cancelled:
            return
        wish = PAUSE if cancel.paused else CANCEL
        if wish != self._told:
            self._told = wish
            self._connection.send_bytes(wish)

    def _died(self, task: Task[Any]) -> RecoverError:
        if self._given_up:
            return Cancelled("cancelled")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._process.kill()
        code = self._process.wait()
        self._last_words.seek(max(0, self._last_words.seek(0, 2) - _TAIL_BYTES))
        tail = self._last_words.read().decode(errors="replace")
        LOGGER.error("%s", f"the process of the {task.name} {_ending(code)}\n{tail}".rstrip())
        return WorkerDied(f"the process of the {task.name} {_ending(code)}", hint=task.after_death)


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by signal {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
