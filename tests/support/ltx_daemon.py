"""A running `litestream replicate`, and waiting for what its log says that it has done."""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 30.0
"""Seconds after which a wait is given up."""

Progress = Callable[[str], tuple[str, int] | None]
"""Reads from a line of the log what has come how far."""


class Daemon:
    """A process whose log is read as it comes."""

    def __init__(self, process: subprocess.Popen[str], progress: Progress) -> None:
        self._process = process
        self._progress = progress
        self._reached: dict[str, int] = {}
        self._said: deque[str] = deque(maxlen=30)
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._said.append(line)
                if step := self._progress(line):
                    what, value = step
                    self._reached[what] = max(value, self._reached.get(what, 0))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, what: str, value: int) -> None:
        """Wait until `what` has come as far as `value`."""
        if not self.reaches(what, value):
            raise RuntimeError(f"{what} never reached {value}: {''.join(self._said)}")

    def reaches(self, what: str, value: int, *, seconds: float = PATIENCE) -> bool:
        """Wait until `what` has come as far as `value`, or time or the process is over; tell which."""
        with self._news:
            self._news.wait_for(lambda: self._ended or self._came(what, value), timeout=seconds)
            return self._came(what, value)

    def _came(self, what: str, value: int) -> bool:
        return self._reached.get(what, -1) >= value

    def close(self) -> None:
        """Read what is left and let go."""
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def running(
    command: Sequence[str | Path], environ: Mapping[str, str], progress: Progress
) -> Iterator[Daemon]:
    """Run `command` until the end of the block, then ask it to end and wait for that."""
    process = subprocess.Popen(
        command, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    daemon = Daemon(process, progress)
    try:
        yield daemon
    finally:
        process.terminate()
        process.wait()
        daemon.close()
