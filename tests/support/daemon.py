"""A replication daemon as a process of its own, told from its log; it ends with the block that it runs in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0


class Daemon:
    """`sqlrecover replicate WORDS…`, its log as JSON documents."""

    def __init__(
        self, *words: object, environ: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        command = [sys.executable, "-m", "sqlite_recovery_tui", "replicate", "--json", *map(str, words)]
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self.log: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._news:
                self.said.append(line)
                if line.startswith("{"):
                    self.log.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def messages(self, beginning: str) -> list[str]:
        """Return the log's messages that begin so."""
        return [each["message"] for each in self.log if each["message"].startswith(beginning)]

    def wait_for(self, beginning: str, count: int = 1) -> str:
        """Wait until so many messages begin so; return the last of them."""
        with self._news:
            assert self._news.wait_for(
                lambda: len(self.messages(beginning)) >= count or not self._reader.is_alive(), SECONDS
            ), self.said
        found = self.messages(beginning)
        assert len(found) >= count, self.said
        return found[count - 1]

    @property
    def told(self) -> str:
        """What it printed, once it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.read()

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code once it has ended by itself."""
        code = self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Wait for what no event tells of."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
