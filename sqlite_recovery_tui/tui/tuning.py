"""What the interpreter is told before and after the first paint, so that keys are answered at once."""

from __future__ import annotations

import gc
import os
import sys

SWITCH_SECONDS = 0.0005
"""How long a thread that computes may keep the others, the screen's among them, from going on."""
FRAMES_PER_SECOND = 120
"""How often what has changed is drawn at most: a key waits for the next time."""
STARTING = (20_000, 20, 50)
"""When it is looked for garbage at first: a listing makes a hundred thousand objects that are none."""
RUNNING = (5_000, 10, 100)
"""And later: often, so that no look takes longer than a few milliseconds."""


def tune() -> None:
    """Favour the screen over threads that compute, and let starting wait for less; before Textual is read."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*STARTING)
    os.environ.setdefault("TEXTUAL_FPS", str(FRAMES_PER_SECOND))


def settle() -> None:
    """Look for garbage in what comes from now on, and never again in all that was needed to begin."""
    gc.freeze()
    gc.set_threshold(*RUNNING)
