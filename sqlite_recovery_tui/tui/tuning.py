"""What the interpreter is told before the console begins, so that keys are answered at once under load."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading

SWITCH_SECONDS = 0.0005
"""How long a thread that computes may keep the others, the screen's among them, from going on."""
GARBAGE_OBJECTS = 20_000
"""After how many new objects it is looked for garbage; a listing makes a hundred thousand that are none."""

NICE = 10
"""By how much what runs for minutes lets the screen go first where there are too few processors."""


def tune() -> None:
    """Favour the screen over threads that compute, and let starting and listing wait for less."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(GARBAGE_OBJECTS, 20, 50)


def stand_back() -> None:
    """Let the screen's thread go before the calling one, and before all threads that it starts from now on.

    Only Linux knows priorities of threads; for work that holds no lock on a production database.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(usual + NICE, 19))
