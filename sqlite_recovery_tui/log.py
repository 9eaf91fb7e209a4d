"""Logging set-up: one line per event with database, replica and generation, never a secret."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Protocol

LOGGER = "sqlite_recovery_tui"
FIELDS = ("db", "replica", "generation")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _ContextFormatter(logging.Formatter):
    """Append the context keys that a record carries through `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        context = [f"{field}={value}" for field in FIELDS if (value := getattr(record, field, None))]
        return " ".join([line, *context])


class Stream(Protocol):
    """What log lines can be written to."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def set_up(*, verbose: int = 0, file: Path | None = None, stream: Stream | None = None) -> None:
    """Send the package's records to `file`, `stream`, or else stderr; libraries stay at warnings."""
    handler: logging.Handler = (
        logging.FileHandler(file) if file else logging.StreamHandler(stream or sys.stderr)
    )
    handler.setFormatter(_ContextFormatter(_FORMAT))
    logger = logging.getLogger(LOGGER)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO if verbose else logging.WARNING)
