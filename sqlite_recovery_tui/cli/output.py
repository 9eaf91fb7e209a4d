"""The only writer to stdout: lines, tables and one JSON document; data is made safe on the way."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from sqlite_recovery_tui.cli.text import cell_width, pad, printable
from sqlite_recovery_tui.errors import RecoverError

_COLOURS = {"ok": "32", "warn": "33", "fail": "31", "bold": "1", "dim": "2"}
_PAD = 2


BROKEN_PIPE = 141
"""The exit code that a shell reports for a program that SIGPIPE ended."""


def leave_quietly() -> int:
    """Let the interpreter's last flush of stdout succeed although nobody reads it; return the exit code."""
    with contextlib.suppress(OSError, ValueError):  # not a real stream: nothing will be flushed to it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return BROKEN_PIPE


@contextlib.contextmanager
def _failing_clearly() -> Iterator[None]:
    """Let a reader that went away be what it is; say of any other failure that output was lost."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        leave_quietly()
        raise RecoverError(f"cannot write to standard output: {error.strerror}") from error


class Output:
    """What a command says on stdout; with `as_json` text is dropped and one document takes its place."""

    def __init__(self, *, as_json: bool = False, colour: bool = True, stream: IO[str] | None = None) -> None:
        """Write to `stream` (default: stdout); colours only on a terminal that may have them."""
        self.as_json = as_json
        self._stream = stream or sys.stdout
        self._colour = colour and self.is_terminal and not os.environ.get("NO_COLOR")
        self._documents = 0

    @property
    def is_terminal(self) -> bool:
        """True when a person reads along."""
        return self._stream.isatty()

    def line(self, text: object = "") -> None:
        """Print one line of text."""
        if not self.as_json:
            self._write(f"{printable(text)}\n")

    def lines(self, texts: Iterable[object]) -> None:
        """Print several lines of text."""
        for text in texts:
            self.line(text)

    def marked(self, style: str, word: str, rest: str = "") -> None:
        """Print a line whose first `word` is coloured as `style` (ok, warn, fail, bold, dim)."""
        if not self.as_json:
            self._write(f"{self._styled(style, printable(word))}{printable(rest)}\n")

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print columns padded with spaces to their widest cell plus two; the last one is not padded."""
        if self.as_json:
            return
        cells = [tuple(printable(cell) for cell in row) for row in rows]
        cells.insert(0, tuple(printable(header) for header in headers))
        widths = [max(map(cell_width, column)) + _PAD for column in zip(*cells, strict=True)]
        for row in cells:
            padded = [pad(cell, width) for cell, width in zip(row[:-1], widths, strict=False)]
            self._write("".join([*padded, row[-1]]) + "\n")

    def facts(self, facts: Iterable[tuple[str, object]]) -> None:
        """Print `name  value` lines with the values in one column."""
        pairs = [(printable(name), value) for name, value in facts]
        width = max((cell_width(name) for name, _ in pairs), default=0)
        for name, value in pairs:
            self.line(f"{pad(name, width)}  {value}")

    def data(self, text: str) -> None:
        """Print text that is meant for another program as it is; on a terminal made safe, line by line."""
        if self.is_terminal:
            lines = text.replace("\r\n", "\n").split("\n")
            text = "\n".join(printable(line) for line in lines)
        self._write(text)

    def document(self, document: Mapping[str, Any]) -> None:
        """Print the command's one JSON document, when JSON was asked for."""
        if not self.as_json:
            return
        if self._documents:
            raise AssertionError("a command prints one document")
        import json

        self._documents += 1
        indent = 2 if self.is_terminal else None
        self._write(json.dumps(document, indent=indent, ensure_ascii=True) + "\n")

    def event(self, document: Mapping[str, Any]) -> None:
        """Print one of many JSON documents, each on a line of its own, when JSON was asked for."""
        if self.as_json:
            import json

            self._write(json.dumps(document, ensure_ascii=True) + "\n")

    def flush(self) -> None:
        """Hand everything to the reader; raises `BrokenPipeError` when it went away."""
        with _failing_clearly():
            self._stream.flush()

    @property
    def has_document(self) -> bool:
        """True once the JSON document was printed."""
        return self._documents > 0

    def _write(self, text: str) -> None:
        with _failing_clearly():
            self._stream.write(text)

    def _styled(self, style: str, text: str) -> str:
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self._colour else text
