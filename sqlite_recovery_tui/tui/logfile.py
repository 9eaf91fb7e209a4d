"""Where the console's log goes: into memory for the log pane, and into a private file for faults."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path

from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.log import LOGGER

MAX_BYTES = 2 << 20


def keep_log(book: logging.Handler, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Send the package's log to `book` and to a file; return the file, None if none can be written.

    Nothing goes to the terminal, which belongs to the console; warnings of libraries go to the log.
    """
    handlers: list[logging.Handler] = [book]
    file = _log_file(environ)
    if file is not None:
        written = RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=1, delay=True)
        written.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(written)
    logger = logging.getLogger(LOGGER)
    logger.handlers[:] = handlers
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers[:] = handlers
    logging.getLogger("py.warnings").propagate = False
    logging.getLogger().handlers[:] = [logging.NullHandler()]
    return file


def _log_file(environ: Mapping[str, str]) -> Path | None:
    file = state_folder(environ) / "console.log"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError:
        return None
    return file
