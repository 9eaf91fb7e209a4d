"""What the program noted, at the bottom of any screen; and the handler that collects it."""

from __future__ import annotations

import logging
from collections import deque

from textual.widgets import RichLog

from sqlite_recovery_tui.tui import text

KEPT_LINES = 5_000


class LogBook(logging.Handler):
    """Keeps the newest log lines in memory; safe to write to from any thread."""

    def __init__(self) -> None:
        """Start with nothing noted."""
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record as safe lines."""
        for each in text.safe_lines(self.format(record), limit=20_000):
            self.lines.append(each)
            self.written += 1

    def since(self, count: int) -> list[str]:
        """Return the lines written after the first `count`, as far as they are kept."""
        fresh = self.written - count
        return list(self.lines)[-fresh:] if fresh > 0 else []


class LogPane(RichLog):
    """The log book, following its end."""

    DEFAULT_CSS = """
    LogPane {
        dock: bottom; height: 30%; min-height: 6; margin-bottom: 1;
        border-top: solid $border; border-title-color: $text-muted; background: $surface;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, book: LogBook) -> None:
        """Show `book`."""
        super().__init__(max_lines=KEPT_LINES, wrap=True, markup=False, highlight=False, min_width=20)
        self.book = book
        self.border_title = "log"
        self._seen = 0
        self.can_focus = False

    def on_mount(self) -> None:
        self.follow()
        self.set_interval(0.5, self.follow)

    def follow(self) -> None:
        """Show what was noted since the last time."""
        if fresh := self.book.since(self._seen):
            self._seen = self.book.written
            self.write("\n".join(fresh))
