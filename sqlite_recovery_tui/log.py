"""Logging set-up: one line per event with database, replica and generation, never a secret."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
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


class _JsonFormatter(logging.Formatter):
    """Write a record as one JSON document."""

    def format(self, record: logging.LogRecord) -> str:
        import json

        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **{field: value for field in FIELDS if (value := getattr(record, field, None))},
        }
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        return json.dumps(document)


class Stream(Protocol):
    """What log lines can be written to."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def set_up(
    *,
    verbose: int = 0,
    file: Path | None = None,
    stream: Stream | None = None,
    level: int | None = None,
    as_json: bool = False,
) -> None:
    """Send the package's records to `file`, `stream`, or else stderr; libraries stay at warnings.

    `level` holds while nothing more `verbose` is asked for.
    """
    handler: logging.Handler = (
        logging.FileHandler(file) if file else logging.StreamHandler(stream or sys.stderr)
    )
    handler.setFormatter(_JsonFormatter() if as_json else _ContextFormatter(_FORMAT))
    logger = logging.getLogger(LOGGER)
    logger.handlers[:] = [handler]
    logger.propagate = False
    wished = logging.DEBUG if verbose > 1 else logging.INFO if verbose else logging.WARNING
    logger.setLevel(wished if level is None or verbose else level)
