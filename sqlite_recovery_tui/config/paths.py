"""Paths as Litestream reads them: `~/` is the home directory, all else is made absolute."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_SQLITE = ("sqlite://", "sqlite3://")


def strip_sqlite_prefix(text: str) -> str:
    """Return `text` without the `sqlite://` that some tools put in front of database paths."""
    for prefix in _SQLITE:
        if text.startswith(prefix):
            return text[len(prefix) :]
    return text


def absolute(text: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return `text` as an absolute, normalised path; links are not followed."""
    if text == "~" or text.startswith("~/"):
        text = (environ.get("HOME") or str(Path.home())) + text[1:]
    lexical = os.path.abspath(text)  # noqa: PTH100  (resolve would follow links)
    return Path("/" + lexical.lstrip("/"))
