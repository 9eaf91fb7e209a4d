"""How many threads decode, beside the one that cuts files up and those that fetch and write."""

from __future__ import annotations

import os

MOST = 2


def decoders() -> int:
    """Return one less than the processors this process may use, at least one and at most `MOST`.

    All threads take turns in Python: where no processor is left for another one, its turns cost more than
    it decodes.
    """
    return max(1, min(MOST, _processors() - 1))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
