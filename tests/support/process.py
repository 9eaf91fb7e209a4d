"""Running a program and reading what it said."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def output(
    command: Sequence[str | Path], *, environ: Mapping[str, str] | None = None, seconds: float = 30
) -> tuple[int, str]:
    """Run `command` in the environment `environ` alone; return its exit code and what it wrote."""
    done = subprocess.run(
        [str(part) for part in command],
        env={"HOME": "/nonexistent", **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout
