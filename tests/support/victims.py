"""Processes that may die: forked from one that has imported what they need, since an interpreter takes long.

    with victims("tests.faults.killed") as killed:
        assert killed.run("file:///replica", "out.db") == "killed"

The module named calls `serve` with the function that does the work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Victims:
    """The process that forks and sees its children die."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *words: Any) -> str:
        """Do the work in this test's environment; return "killed", what it answered, or a traceback."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([dict(os.environ), words]) + "\n")
        self._process.stdin.flush()
        answer: str = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def victims(module: str) -> Iterator[Victims]:
    """Run a module that serves until the end of the block."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Victims(process)


def serve(act: Callable[..., str]) -> None:
    """Answer each line of stdin by what `act` makes of its words, in a process of its own."""
    for line in sys.stdin:
        environ, words = json.loads(line)
        print(json.dumps(_in_child(act, environ, words)), flush=True)


def _in_child(act: Callable[..., str], environ: dict[str, str], words: list[Any]) -> str:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        try:
            os.environ.update(environ)
            answer = act(*words)
        except BaseException:
            answer = traceback.format_exc()
        os.write(writable, answer.encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else answer
