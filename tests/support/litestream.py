"""Where the real Litestream binaries are, for tests that compare with them.

A test asks for a version and is skipped, saying why, on machines that do not have it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

Version = Literal["0.3.13", "0.5.8", "0.5.17"]

_ROOT = Path(__file__).resolve().parents[2]


def litestream(version: Version) -> Path:
    """Return the Litestream binary of exactly `version`, or skip the calling test.

    Looked for in `$LITESTREAM_<version>` (dots as underscores), in `.cache/litestream-<version>/bin`
    below the repository, and on the PATH.
    """
    tried = _candidates(version)
    for path in tried:
        if path.is_file() and os.access(path, os.X_OK) and _reports(path) == version:
            return path
    places = ", ".join(str(path) for path in tried)
    pytest.skip(f"Litestream {version} is not on this machine (looked at {places})")


def _candidates(version: str) -> list[Path]:
    named = os.environ.get(f"LITESTREAM_{version.replace('.', '_')}")
    on_path = shutil.which("litestream")
    cached = _ROOT / ".cache" / f"litestream-{version}" / "bin" / "litestream"
    return [Path(place) for place in (named, cached, on_path) if place]


@cache
def _reports(path: Path) -> str:
    answer = subprocess.run([path, "version"], capture_output=True, text=True, timeout=30, check=False)
    return answer.stdout.strip().removeprefix("v")
