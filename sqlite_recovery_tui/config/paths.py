"""Paths as Litestream reads them: `~/` is the home directory, all else is made absolute."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sqlite_recovery_tui.errors import UsageError

_SQLITE = ("sqlite://", "sqlite3://")


def strip_sqlite_prefix(text: str) -> str:
    """Return `text` without the `sqlite://` that some tools put in front of database paths."""
    for prefix in _SQLITE:
        if text.startswith(prefix):
            return text[len(prefix) :]
    return text


def absolute(text: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return `text` as an absolute, normalised path; links are not followed.

    Raise UsageError for a relative path in a working directory that is gone.
    """
    if text == "~" or text.startswith("~/"):
        text = (environ.get("HOME") or str(Path.home())) + text[1:]
    try:
        lexical = os.path.abspath(text)  # noqa: PTH100  (resolve would follow links)
    except FileNotFoundError:
        message = "relative paths mean nothing here: the working directory is gone"
        raise UsageError(message, hint="change to another directory") from None
    return Path("/" + lexical.lstrip("/"))
