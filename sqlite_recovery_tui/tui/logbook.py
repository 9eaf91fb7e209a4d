"""What the program noted, kept in memory: bounded, safe to show, written to from any thread."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_recovery_tui.tui import text

KEPT_LINES = 5_000


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the log."""

    level: int
    """As `logging` counts."""
    time: str
    words: str

    @property
    def line(self) -> str:
        return f"{self.time} {logging.getLevelName(self.level)} {self.words}"


class LogBook(logging.Handler):
    """Keeps the newest log lines; the oldest go."""

    def __init__(self) -> None:
        """Start with nothing noted."""
        super().__init__()
        self._times = logging.Formatter("%(asctime)s", "%H:%M:%S")
        self.notes: deque[Note] = deque(maxlen=KEPT_LINES)
        self.written = 0
        """How many lines were ever noted; grows with every news."""

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record as safe lines."""
        time = self._times.formatTime(record, "%H:%M:%S")
        for each in text.safe_lines(self.format(record), limit=20_000):
            self.notes.append(Note(record.levelno, time, each))
            self.written += 1

    def worth(self, level: int, words: str = "") -> Sequence[Note]:
        """Return the notes of at least this level that contain every one of `words`, the oldest first."""
        wanted = words.lower().split()
        return [
            note
            for note in list(self.notes)
            if note.level >= level and all(word in note.words.lower() for word in wanted)
        ]
