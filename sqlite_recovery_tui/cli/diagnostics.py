"""The only writer to stderr: errors with their hint, warnings, and where an unexpected trace was kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.cli.text import printable
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.folders import PROGRAM, state_folder


class Diagnostics:
    """What a command says on stderr, one line per thing."""

    def __init__(self, *, verbose: int = 0, colour: bool = True, stream: IO[str] | None = None) -> None:
        """Write to `stream` (default: stderr)."""
        self.verbose = verbose
        self.stream = stream or sys.stderr
        self.colour = colour and self.is_terminal and not os.environ.get("NO_COLOR")
        self._warned: set[str] = set()

    @property
    def is_terminal(self) -> bool:
        """True when a person reads along."""
        return self.stream.isatty()

    def error(self, error: RecoverError) -> None:
        """Print what failed on one line and what to do next on another."""
        self._write(f"{PROGRAM}: {error}")
        if error.hint:
            self._write(f"hint: {error.hint}")

    def warning(self, text: object) -> None:
        """Print a warning, once however often it is given."""
        if str(text) not in self._warned:
            self._warned.add(str(text))
            self._write(f"{PROGRAM}: warning: {text}")

    def note(self, text: object) -> None:
        """Print a remark on how the work goes."""
        self._write(str(text))

    def status(self, text: object) -> None:
        """Show `text` on a line that the next one replaces, on a terminal only; empty text takes it away."""
        if not self.is_terminal:
            return
        shown = printable(text)[: max(0, shutil.get_terminal_size().columns - 1)]
        with contextlib.suppress(OSError):
            self.stream.write(f"\r\x1b[2K{shown}")
            self.stream.flush()

    def detail(self, text: object) -> None:
        """Print a remark that only `-v` asks for."""
        if self.verbose:
            self._write(str(text))

    def take_logs(self, *, level: int | None = None, as_json: bool = False) -> None:
        """Send the package's log records here, made safe like everything else.

        Without -v they begin with warnings, or with `level`.
        """
        from sqlite_recovery_tui import log

        log.set_up(verbose=self.verbose, stream=_SafeStream(self.stream), level=level, as_json=as_json)

    def show_cursor(self) -> None:
        """Give a terminal its cursor back, which a progress bar may have hidden."""
        if self.is_terminal:
            with contextlib.suppress(OSError):
                self.stream.write("\x1b[?25h\n")
                self.stream.flush()

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.flush()

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # there is no place left to say that nobody listens
            self.stream.write(f"{printable(text)}\n")


class _SafeStream:
    """What a log handler writes to: lines go on to a stream, made printable."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write("".join(f"{printable(line)}\n" for line in text.splitlines()))

    def flush(self) -> None:
        self._stream.flush()


def unexpected(fault: BaseException) -> RecoverError:
    """Keep the trace of a fault of our own in a file, without locals, and return the line to show."""
    name = type(fault).__name__
    try:
        kept = str(_keep_trace(fault))
    except OSError as error:
        kept = f"nowhere ({error.strerror})"
    return RecoverError(
        f"internal error: {name}: {_one_line(fault)}",
        hint=f"this is a fault of {PROGRAM}; the trace is in {kept}",
    )


def error_document(error: RecoverError) -> dict[str, Any]:
    """Return an error as the JSON contract of the command line has it."""
    return {"error": {**error.to_json(), "message": str(error)}}


def _keep_trace(fault: BaseException) -> Path:
    import tempfile
    import traceback

    moment = datetime.now(UTC)
    prefix = f"crash-{moment:%Y%m%dT%H%M%SZ}-"
    try:
        folder = state_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".log", prefix, folder)
    except OSError:  # a home that cannot be written
        descriptor, name = tempfile.mkstemp(".log", f"{PROGRAM}-{prefix}")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{PROGRAM} {__version__} on Python {sys.version.split()[0]}, {moment.isoformat()}\n")
        file.writelines(traceback.format_exception(fault))
    return Path(name)


def _one_line(fault: BaseException) -> str:
    text = " ".join(str(fault).split()) or "no message"
    return text if len(text) <= 200 else f"{text[:199]}…"
