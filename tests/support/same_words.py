"""One command line, given to Litestream and to us: the same verdict, and the same bytes."""

from __future__ import annotations

import contextlib
import io
import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlite_recovery_tui.cli.main import run
from tests.support.litestream import Version, litestream


def assert_same_bytes(words: Callable[[Path], list[str]], version: Version, code: int, folder: Path) -> None:
    """Run the `words` for an output file in both programs; ours shall end with `code`."""
    theirs, ours = folder / "theirs.db", folder / "ours.db"
    done = subprocess.run(
        [litestream(version), *words(theirs)], capture_output=True, text=True, check=False, timeout=60
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ended = run(words(ours))
    assert ended == code
    assert bool(ended) == bool(done.returncode), done.stderr
    assert ours.exists() == theirs.exists()
    if ours.exists():
        assert ours.read_bytes() == theirs.read_bytes()
