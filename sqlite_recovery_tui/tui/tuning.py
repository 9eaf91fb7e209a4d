"""What the interpreter is told before the console begins, so that keys are answered at once under load."""

from __future__ import annotations

import gc
import sys

SWITCH_SECONDS = 0.0005
"""How long a thread that computes may keep the others, the screen's among them, from going on."""
GARBAGE_OBJECTS = 20_000
"""After how many new objects it is looked for garbage; a listing makes a hundred thousand that are none."""


def tune() -> None:
    """Favour the screen over threads that compute, and let starting and listing wait for less."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(GARBAGE_OBJECTS, 20, 50)
