"""Where this program keeps what it remembers between runs, for each user apart."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PROGRAM = "sqlrecover"


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `$XDG_STATE_HOME/sqlrecover`, by default below `~/.local/state`; nothing is made.

    Without a home directory: one of the user's own in the system's temporary directory.
    """
    state = environ.get("XDG_STATE_HOME")
    if state and Path(state).is_absolute():
        return Path(state) / PROGRAM
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / PROGRAM
    import tempfile

    return Path(tempfile.gettempdir()) / f"{PROGRAM}-{os.getuid()}"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `$XDG_CACHE_HOME/sqlrecover`, by default below `~/.cache`; nothing is made.

    Without a home directory: one of the user's own in the system's temporary directory.
    """
    cache = environ.get("XDG_CACHE_HOME")
    if cache and Path(cache).is_absolute():
        return Path(cache) / PROGRAM
    if home := environ.get("HOME"):
        return Path(home) / ".cache" / PROGRAM
    import tempfile

    return Path(tempfile.gettempdir()) / f"{PROGRAM}-{os.getuid()}"
