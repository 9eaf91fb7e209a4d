"""`sqlrecover restore -f` as a process, and what it says while it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE = 30.0
"""Seconds after which a wait is given up."""

Document = dict[str, Any]


class Follower:
    """A process that follows into `copy`; its documents are read as they come."""

    def __init__(self, copy: Path, url: str, *words: str, environ: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "sqlite_recovery_tui", "restore", "-f", "-json"]
        self.copy = copy
        self.said: list[Document] = []
        self._news = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [*command, "-follow-interval", "30ms", *words, "-o", str(copy), url],
            env={**os.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.said.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, holds: Callable[[Document], object]) -> Document:
        """Return the first document, past or to come, of which `holds` is true."""

        def found() -> Document | None:
            return next((each for each in self.said if holds(each)), None)

        with self._news:
            self._news.wait_for(lambda: self._ended or found() is not None, timeout=PATIENCE)
            document = found()
        if document is None:
            raise AssertionError(f"never said: {self.said[-3:]}")
        return document

    def end(self, number: int | None = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal, if any, and wait for the end; return the exit code and what was on stderr."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join()
        assert self.process.stderr is not None
        return code, self.process.stderr.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
