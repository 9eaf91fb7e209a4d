"""A terminal that is only its letters: what a program drew, as a person would read it."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

from rich.cells import cell_len

_TOKEN = re.compile(
    r"\x1b\[(?P<args>[0-9;:?<>=]*)[ -/]*(?P<final>[@-~])"  # a control sequence
    r"|\x1b[\]P^_X].*?(?:\x07|\x1b\\)"  # a string that a terminal takes for itself
    r"|\x1b(?![\[\]P^_X])[ -/]*[0-~]"
    r"|[^\x1b]",
    re.DOTALL,
)


class Terminal:
    """Knows moving, erasing and letters, which is what the console draws with."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.columns, self.lines = columns, lines
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._clear()

    def feed(self, data: bytes) -> None:
        """Draw what a program sent; an unfinished sequence waits for its end."""
        text = self._rest + self._decode(data)
        end = 0
        while match := _TOKEN.match(text, end):
            end = match.end()
            self._obey(match)
        self._rest = text[end:]

    @property
    def text(self) -> str:
        """The letters on the screen, line by line."""
        return "\n".join("".join(line).rstrip() for line in self._grid)

    def _clear(self) -> None:
        self._grid = [[" "] * self.columns for _ in range(self.lines)]
        self._x = self._y = 0

    def _obey(self, match: re.Match[str]) -> None:
        if match["final"]:
            self._control(match["final"], match["args"])
        elif len(match[0]) == 1:
            self._write(match[0])

    def _control(self, final: str, args: str) -> None:
        if final in "Hf":
            row, _, column = args.partition(";")
            self._x, self._y = int(column or 1) - 1, int(row or 1) - 1
        elif (final == "J" and args == "2") or (final == "h" and args == "?1049"):
            self._clear()

    def _write(self, char: str) -> None:
        if char == "\r":
            self._x = 0
        elif char == "\n":
            self._x, self._y = 0, self._y + 1
        elif char.isprintable() and (width := cell_len(char)):
            if self._y < self.lines and self._x + width <= self.columns:
                self._grid[self._y][self._x : self._x + width] = [char, *[""] * (width - 1)]
            self._x += width
