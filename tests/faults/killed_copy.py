"""Updates of live copies, each in a process that dies, or is refused something, at a chosen system call.

    python -m tests.faults.killed_copy

Answers each line of stdin, a JSON list [folder, act, how, at]. `act` on the copy in `folder` is "create",
"apply", "replace" or "open". It is killed before call number `at` of those that change files or locks
("kill"), in the midst of write number `at` ("tear"), or that call fails for want of space ("fail"). The
answer is "killed", "done", "refused" (nothing was changed by an update that failed, and it can be tried
again) or a traceback.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import create
from sqlite_recovery_tui.restore.live.state import Beside
from tests.support import system_calls
from tests.support.copies import URL, difference, mark, which


def main() -> None:
    system_calls.without_fsync()
    for line in sys.stdin:
        folder, act, how, at = json.loads(line)
        print(json.dumps(_in_child(Path(folder), act, how, at)), flush=True)


def _in_child(folder: Path, act: str, how: str, at: int) -> str:
    """Fork, since a new interpreter for each of some hundred calls would take minutes."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        answer = "done"
        try:
            answer = _carry_out(folder, act, how, at)
        except BaseException:
            answer = traceback.format_exc()
        os.write(writable, answer.encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else answer


def _carry_out(folder: Path, act: str, how: str, at: int) -> str:
    """Do `act`; what it needs, a copy at state 0 or a staged restore, is in `folder` already."""
    states = [(folder.parent / f"state{number}").read_bytes() for number in range(2)]
    path = folder / "copy.db"
    copy = LiveCopy.open(path, url=URL) if act in ("apply", "replace") else None
    _watch(how, at)
    if act == "create":
        create(Beside(path).staging, path, mark(0), url=URL).close()
    elif copy is None:
        LiveCopy.open(path, url=URL).close()
    else:
        try:
            _update(copy, act, states)
        except RecoverError:
            assert which(path.read_bytes(), states) >= 0
            _update(copy, act, states)
            return "refused"
    return "done"


def _update(copy: LiveCopy, act: str, states: list[bytes]) -> None:
    if act == "apply":
        copy.apply(*difference(states[0], states[1]), mark(1))
    else:
        copy.replace(Beside(copy.path).staging, mark(1))


def _watch(how: str, at: int) -> None:
    count = 0

    def happening(name: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if how == "tear" and name not in system_calls.TORN:
            return
        count += 1
        if count - 1 != at:
            return
        if how == "fail" and name in system_calls.CHANGING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if how == "tear":
            system_calls.tear(name, args)
        if how != "fail":
            os.kill(os.getpid(), signal.SIGKILL)

    system_calls.watch(happening)


if __name__ == "__main__":
    main()
