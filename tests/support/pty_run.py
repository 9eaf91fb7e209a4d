"""A program on a terminal of its own, as a person sits before it: keys in, frames out, each with its time."""

from __future__ import annotations

import fcntl
import os
import pty
import queue
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.terminal import Terminal

COLUMNS, LINES = 120, 36
KEYS = {"enter": "\r", "escape": "\x1b", "up": "\x1b[A", "down": "\x1b[B", "ctrl+q": "\x11", "tab": "\t"}
_ASKS_FOR_WHOLE_FRAMES, _HAS_WHOLE_FRAMES = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_PATIENCE = 60.0


class OnTerminal:
    """A running program and what its terminal shows."""

    def __init__(self, process: subprocess.Popen[bytes], leader: int) -> None:
        """Watch `process` through our end of its terminal."""
        self.process = process
        self.began = time.perf_counter()
        self.moment = self.began
        """When the newest output arrived."""
        self.terminal = Terminal(COLUMNS, LINES)
        self._leader = leader
        self._arrived: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self.taking = threading.Thread(target=self._take, daemon=True)
        self.taking.start()

    @property
    def text(self) -> str:
        return self.terminal.text

    def press(self, *keys: str) -> float:
        """Send keys; return when: before anything could answer them."""
        data = "".join(KEYS.get(key, key) for key in keys).encode()
        sent = time.perf_counter()
        os.write(self._leader, data)
        return sent

    def signal(self, number: int) -> float:
        """Send a signal; return when: before anything could answer it."""
        sent = time.perf_counter()
        self.process.send_signal(number)
        return sent

    def until(self, shown: Callable[[str], bool], seconds: float = _PATIENCE) -> float:
        """Wait until the screen is as `shown` wants it; return when what made it so arrived."""
        deadline = time.perf_counter() + seconds
        while not shown(self.text):
            if not self._read(deadline - time.perf_counter()):
                raise RuntimeError(f"this never came:\n{self.text}")
        return self.moment

    def see(self, *words: str) -> float:
        """Wait until these words are on the screen; return when they arrived."""
        return self.until(lambda text: all(word in text for word in words))

    def drain(self, seconds: float) -> None:
        """Read what comes, for so long."""
        deadline = time.perf_counter() + seconds
        while self._read(deadline - time.perf_counter()):
            pass

    def end(self) -> float:
        """Wait until the program has ended; return when its terminal was given back."""
        while self._read(_PATIENCE):
            pass
        self.process.wait(_PATIENCE)
        return time.perf_counter()

    def _read(self, seconds: float) -> bool:
        """Draw what comes next; False when nothing comes in time, or nothing more."""
        try:
            self.moment, data = self._arrived.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return False
        if not data:
            self._arrived.put((self.moment, data))  # nothing more comes, however often one asks
        self.terminal.feed(data)
        return bool(data)

    def _take(self) -> None:
        """Note when output arrives, in a thread of its own: drawing it takes time."""
        data = b"begin"
        while data:
            try:
                data = os.read(self._leader, 1 << 16)
            except OSError:  # the other end is closed
                data = b""
            self._arrived.put((time.perf_counter(), data))
            if _ASKS_FOR_WHOLE_FRAMES in data:
                os.write(self._leader, _HAS_WHOLE_FRAMES)


@contextmanager
def on_terminal(
    command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[OnTerminal]:
    """Run a command on a terminal of its own until the end of the block."""
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    own = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "ESCDELAY": "25"}
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=folder,
        env={**os.environ, **own, **(environ or {})},
        start_new_session=True,
    )
    running = OnTerminal(process, leader)
    os.close(follower)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        running.taking.join(_PATIENCE)
        os.close(leader)
