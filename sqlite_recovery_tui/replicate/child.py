"""The application as our child: a process group of its own, signals handed on, nobody left at the end."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from sqlite_recovery_tui.errors import RecoverError, UsageError

HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that the application gets when we get them."""
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_OPERATORS = re.compile(r"[;&|<>()]+")
_LOOK_SECONDS = 0.02
_PR_SET_CHILD_SUBREAPER = 36


def split_command(text: str) -> list[str]:
    """Return the words of a command line as a shell would split it; nothing is expanded.

    Raises `UsageError` for open quotes, for nothing, and for what only a shell could carry out.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"the command of -exec cannot be split: {error}", hint="close its quotes") from None
    if not words:
        raise UsageError("-exec names no command", hint='write it in quotes: -exec "node server.js"')
    if found := _OPERATORS.search(_QUOTED.sub("", text)):
        raise UsageError(
            f"the command of -exec has {found[0]}, which only a shell understands",
            hint=f"let one run it: -exec {shlex.quote('sh -c ' + shlex.quote(text))}",
        )
    return words


class Child:
    """One run of a command; what it starts and leaves behind ends with it."""

    def __init__(self, words: Sequence[str], *, umask: int = -1) -> None:
        """Name the command; `start` runs it, with a `umask` of its own unless that is -1."""
        self._words, self._umask = list(words), umask
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self.code: int | None = None
        """What it ended with, 128+n when signal n ended it; None while it runs."""

    @property
    def pid(self) -> int:
        """Its process and process group."""
        assert self._process is not None
        return self._process.pid

    def start(self, ended: Callable[[], None] = lambda: None) -> None:
        """Run it with our output and without input; call `ended`, from another thread, when it has ended.

        Raises `RecoverError` when there is no such program.
        """
        _adopt_orphans()
        try:
            self._process = subprocess.Popen(  # noqa: S603  the operator names it
                self._words, stdin=subprocess.DEVNULL, process_group=0, umask=self._umask
            )
        except OSError as error:
            raise RecoverError(
                f"{self._words[0]} cannot be run: {(error.strerror or str(error)).lower()}",
                object=self._words[0],
                hint="check the command of -exec, or name the program by its full path",
            ) from None
        threading.Thread(target=self._watch, args=(ended,), name="child", daemon=True).start()

    def _watch(self, ended: Callable[[], None]) -> None:
        assert self._process is not None
        code = self._process.wait()
        self.code = code if code >= 0 else 128 - code
        self._ended.set()
        ended()

    def send(self, number: int) -> None:
        """Hand a signal on to the process and what it started."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def end(self, seconds: float) -> int:
        """Wait until it and everything it started has ended, killing what is left after `seconds`.

        Return its exit code. What outlives the command itself is told to stop first.
        """
        deadline = time.monotonic() + seconds
        self._ended.wait(seconds)
        for pid in self._left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while self._left() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        self.kill()
        self._ended.wait()
        assert self.code is not None
        return self.code

    def kill(self) -> None:
        """End it and everything it started at once."""
        while left := self._left():
            self.send(signal.SIGKILL)
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_LOOK_SECONDS)

    def _left(self) -> set[int]:
        """Return what still runs: the command, its group, and what it started in sessions of its own."""
        if self._process is None:
            return set()
        running = {pid for pid in _family(os.getpid()) if pid != self.pid and self._is_ours(pid)}
        return running if self._ended.is_set() else running | {self.pid}

    def _is_ours(self, pid: int) -> bool:
        """Tell whether a descendant of this process came from the command; a dead one is buried."""
        with suppress(ChildProcessError, ProcessLookupError):
            status = Path(f"/proc/{pid}/stat")
            with suppress(OSError):
                state, parent, group = status.read_text().rpartition(")")[2].split()[:3]
                if state == "Z" and int(parent) == os.getpid():
                    os.waitpid(pid, os.WNOHANG)
                    return False
                return state != "Z" and int(group) != os.getpgid(0)
        return False


def _family(parent: int) -> set[int]:
    """Return the descendants of a process."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError, ValueError, IndexError):
            above = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(above, []).append(int(entry.name))
    found: set[int] = set()
    open_ = [parent]
    while open_:
        below = parents.get(open_.pop(), [])
        found.update(below)
        open_ += below
    return found


def _adopt_orphans() -> None:
    """Let what the command leaves behind become our child, where the system can do that."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
