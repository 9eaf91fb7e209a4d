"""The calls by which a program changes files, counted; at one of them something happens to it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from typing import Any

CHANGING = (
    "open",
    "write",
    "pwrite",
    "pwritev",
    "ftruncate",
    "fsync",
    "fchmod",
    "fchown",
    "rename",
    "replace",
    "link",
    "unlink",
    "rmdir",
    "mkdir",
)
LOCKING = ("fcntl", "flock", "lockf")
TORN = ("write", "pwrite", "pwritev")

ORIGINAL = {name: getattr(os, name) for name in CHANGING}

Happening = Callable[[str, tuple[Any, ...]], None]
"""Gets the name and the arguments of the call that is about to be made."""


def watch(happening: Happening) -> None:
    """From now on in this process, tell `happening` of each such call before it is made."""
    for module, names in ((os, CHANGING), (fcntl, LOCKING)):
        for name in names:
            _wrap(module, name, happening)


def without_fsync() -> None:
    """Leave fsync out, in this process: a kill takes nothing away that was written."""
    os.fsync = lambda _: None  # type: ignore[assignment]


def _wrap(module: Any, name: str, happening: Happening) -> None:
    original = getattr(module, name)

    def call(*args: Any, **more: Any) -> Any:
        if name != "open" or args[1] & (os.O_CREAT | os.O_TRUNC):
            happening(name, args)
        return original(*args, **more)

    setattr(module, name, call)


def tear(name: str, args: tuple[Any, ...]) -> None:
    """Carry out the first half of a write, as a kill in the midst of it would leave it."""
    fd, data = args[0], args[1]
    whole = b"".join(bytes(part) for part in data) if name == "pwritev" else bytes(data)
    half = whole[: len(whole) // 2]
    if name == "write":
        ORIGINAL["write"](fd, half)
    else:
        ORIGINAL["pwrite"](fd, half, args[2])
