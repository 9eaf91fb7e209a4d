"""Logging set-up: one line per event with database, replica and generation, never a secret."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

LOGGER = "sqlite_recovery_tui"
FIELDS = ("db", "replica", "generation")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _ContextFormatter(logging.Formatter):
    """Append the context keys that a record carries through `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        context = [f"{field}={value}" for field in FIELDS if (value := getattr(record, field, None))]
        return " ".join([line, *context])


def set_up(*, verbose: int = 0, file: Path | None = None) -> None:
    """Send the package's records to `file`, or to stderr; libraries stay at warnings."""
    handler: logging.Handler = logging.FileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_ContextFormatter(_FORMAT))
    logger = logging.getLogger(LOGGER)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO if verbose else logging.WARNING)
