"""Updates of live copies, each in a process that dies, or is refused something, at a chosen system call.

Served as `tests.support.victims` says, with the words FOLDER ACT HOW AT. ACT on the copy in FOLDER is
"create", "apply", "replace" or "open". It is killed before call number AT of those that change files or
locks ("kill"), in the midst of write number AT ("tear"), or that call fails for want of space ("fail"). The
answer is "done", or "refused": nothing was changed by an update that failed, and it can be tried again.
"""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import create
from sqlite_recovery_tui.restore.live.state import Beside
from tests.support import system_calls
from tests.support.copies import URL, difference, mark, which
from tests.support.victims import serve


def carry_out(place: str, act: str, how: str, at: int) -> str:
    """Do `act`; what it needs, a copy at state 0 or a staged restore, is there already."""
    folder = Path(place)
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
    system_calls.without_fsync()
    serve(carry_out)
