"""Waiting for a console to come to rest: until its event loop has nothing to do.

Textual itself sleeps for a fiftieth of a second, several times for each key, until hardly any processor time
goes by. That is slow, and on a busy machine it tells nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

import textual._wait
import textual.app
import textual.pilot

SOON = 0.05
"""Seconds within which a timer is waited for: a repaint, a search that waits for the next letter."""
MOST_TIMERS = 20
"""So many are waited for; what rings on and on belongs to something that moves."""


async def rest(min_sleep: float = 0.0, max_sleep: float = 0.0) -> None:
    """Return when nothing is ready to run and no timer rings soon; how long Textual would wait is ignored."""
    loop: Any = asyncio.get_running_loop()
    for _ in range(MOST_TIMERS):
        await asyncio.sleep(0)
        while loop._ready:
            await asyncio.sleep(0)
        soonest = min((timer.when() for timer in loop._scheduled if not timer.cancelled()), default=None)
        if soonest is None or soonest > loop.time() + SOON:
            return
        await asyncio.sleep(max(0.0, soonest - loop.time()))


def install() -> None:
    """Let Textual wait this way in this process."""
    for module in (textual._wait, textual.app, textual.pilot):
        module.wait_for_idle = rest  # type: ignore[attr-defined]
