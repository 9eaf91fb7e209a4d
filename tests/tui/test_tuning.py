"""What the interpreter is told so that keys are answered at once: before the first paint, and after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.tuning import FRAMES_PER_SECOND, RUNNING, STARTING
from tests.tui.support import opened, picture

SCRIPT = """
import gc, json
from sqlite_recovery_tui.tui import tuning
tuning.tune()
from textual.constants import MAX_FPS
starting = gc.get_threshold()
tuning.settle()
print(json.dumps([MAX_FPS, starting, gc.get_threshold(), gc.get_freeze_count() > 10_000]))
"""


@pytest.mark.parametrize("asked", [None, 30], ids=["by us", "by the operator"])
def test_what_is_drawn_how_often_and_what_is_looked_at_for_garbage(asked: int | None) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "TEXTUAL_FPS"}
    if asked is not None:
        environ["TEXTUAL_FPS"] = str(asked)
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, env=environ, check=True)
    expected = [asked or FRAMES_PER_SECOND, list(STARTING), list(RUNNING), True]
    assert json.loads(done.stdout) == expected


async def test_the_second_half_comes_once_something_is_shown(settings: Settings) -> None:
    seen: list[str] = []
    console = Console(settings, refs(settings, None), painted=lambda: seen.append("painted"))
    async with opened(console) as pilot:
        assert seen == ["painted"]
        assert "shop.db" in picture(pilot)
