"""Who acts: the user, the host, and the process, told from a later one with the same pid."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path
from typing import Any, Literal

Standing = Literal["running", "interrupted", "unfinished"]
"""What became of an act that has no end: it runs, its process is gone, or it was on another host."""

_START_TIME = 19
"""Index of the start time among the fields of /proc/PID/stat behind the command."""


@cache
def host() -> str:
    """Return this machine's name."""
    return socket.gethostname()


def standing(on: str, pid: int, process: str) -> Standing:
    """Say what became of a process that did not say it itself."""
    if on != host():
        return "unfinished"
    return "running" if process == token(pid) else "interrupted"


def token(pid: int) -> str:
    """Return what tells the process `pid` from others with its number, before and after; "" without one.

    Where the system does not tell when a process began: only whether there is one.
    """
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return f"{_boot()}-{fields[_START_TIME]}"
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "alive"


def who() -> dict[str, Any]:
    """Return user, host, pid and process of whoever acts now, as members of an `Entry`."""
    pid = os.getpid()
    return {"user": _user(), "host": host(), "pid": pid, "process": token(pid)}


@cache
def _user() -> str:
    name = _account() or str(os.geteuid())
    before = os.environ.get("SUDO_USER")
    return f"{name} (sudo by {before})" if before and before != name else name


def _account() -> str | None:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return "boot"
