"""The parent's side of what is done to a live database's bytes in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.promote.facts import Holder

_COMMAND = (sys.executable, "-I", "-m", "sqlite_recovery_tui.promote.child")
_LOOK_SECONDS = 0.2


def copy(source: Path, target: Path, cancel: CancelToken) -> None:
    """Copy a file as it lies on disk; raise `RecoverError`, `Cancelled`."""
    _run("copy", source, target, cancel=cancel)


def differs_at(one: Path, other: Path, cancel: CancelToken) -> int | None:
    """Return where two database files differ, None for nowhere; what SQLite sets by itself counts nothing.

    The answer for files of different sizes is 0. Raises `RecoverError`, `Cancelled`.
    """
    answer = _run("compare", one, other, cancel=cancel)
    return None if answer["equal"] else int(answer["offset"] or 0)


@contextmanager
def gate(database: Path, holders: tuple[Holder, ...]) -> Iterator[None]:
    """Keep every SQLite out of a database that SQLite cannot open; raise `RefusedError` when one is in."""
    process = _start("gate", database)
    try:
        assert process.stdout is not None
        answer = _answer(process, process.stdout.readline(), database)
        if not answer["locked"]:
            found = {holder.pid: holder for holder in holders}
            pid = answer["pid"]
            who = str(found.get(pid, f"pid {pid}")) if pid else ", ".join(map(str, holders)) or "a process"
            raise RefusedError(
                f"{database} is locked by {who}",
                object=str(database),
                hint="stop it first",
            )
        yield
    finally:
        process.communicate()


def _run(operation: str, *paths: Path, cancel: CancelToken) -> dict[str, Any]:
    cancel.check()
    process = _start(operation, *paths)
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                cancel.check()
                continue
            return _answer(process, output, paths[0])
    except BaseException:
        process.kill()
        process.communicate()
        raise


def _start(operation: str, *paths: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module
        (*_COMMAND, operation, *map(str, paths)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        umask=0o077,
    )


def _answer(process: subprocess.Popen[str], line: str, path: Path) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(line)
    except ValueError:
        raise RecoverError(
            f"the process that works on {path} ended without an answer (exit code {process.poll()})",
            object=str(path),
        ) from None
    if "error" in answer:
        raise RecoverError(f"cannot work on {path}: {answer['error']}", object=str(path))
    return answer
