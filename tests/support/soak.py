"""How much is tried: what stands for all in every run, all of it with `SOAK=1` (`make soak`)."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

SOAK = os.environ.get("SOAK") == "1"


def usually(some: T, everything: T) -> T:
    """Return `some`, in a soak `everything`."""
    return everything if SOAK else some
