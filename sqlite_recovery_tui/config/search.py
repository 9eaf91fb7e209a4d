"""Where the configuration is looked for when the command line does not say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sqlite_recovery_tui.config.paths import absolute

LOCAL_NAMES = ("sqlrecover.yml", "litestream.yml")
SYSTEM_FILES = (Path("/etc/sqlrecover.yml"), Path("/etc/litestream.yml"))


def find(environ: Mapping[str, str] = os.environ, cwd: Path | None = None) -> Path | None:
    """Return the configuration to use when none was named, or None.

    `$SQLRECOVER_CONFIG` and `$LITESTREAM_CONFIG` are taken at their word, so that a wrong one is
    reported; then `sqlrecover.yml` and `litestream.yml` in `cwd`, then those in /etc.
    """
    for name in ("SQLRECOVER_CONFIG", "LITESTREAM_CONFIG"):
        if named := environ.get(name):
            return absolute(named, environ)
    places = (*_local(cwd), *SYSTEM_FILES)
    return next((place for place in places if place.is_file()), None)


def _local(cwd: Path | None) -> list[Path]:
    try:
        here = cwd or Path.cwd()
    except FileNotFoundError:  # somebody removed it under us
        return []
    return [here / name for name in LOCAL_NAMES]
