"""The process that does a job of the console, held at a step until it is told to stop, or killed there.

    python -m tests.support.held_worker STEP DESCRIPTOR [stand-back]

It does not stand back: what others do meanwhile on this machine would decide how long a test takes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.apart import child, process
from sqlite_recovery_tui.progress import Progress

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "nowhere"
"""A step that no work has."""
_LONG = 120.0


def held_at(step: str, patch: pytest.MonkeyPatch) -> None:
    """Let every task from now on come as far as `step`, and no further."""
    patch.setattr(process, "_COMMAND", (sys.executable, "-m", __spec__.name, step))
    patch.setenv("PYTHONPATH", str(ROOT))


def main() -> None:
    """Do what the real one does, up to that step."""
    step = sys.argv.pop(1)
    tell = child.Parent.progress

    def tell_and_wait(parent: child.Parent, progress: Progress) -> None:
        tell(parent, progress)
        if progress.phase == step:
            parent.cancel.wait(_LONG)

    child.Parent.progress = tell_and_wait  # type: ignore[method-assign]
    child.stand_back = lambda: None
    child.main()


if __name__ == "__main__":
    main()
