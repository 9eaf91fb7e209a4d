"""When the fleet is listed again by itself: how often, whether paused, and never oftener than it bears."""

from __future__ import annotations

from dataclasses import dataclass

INTERVALS: tuple[int | None, ...] = (10, 30, 60, 300, None)
"""Seconds between listings; None: only when asked."""
BREATHERS = 10
"""A listing that takes long is repeated at most after so many times its own length."""


@dataclass
class Rhythm:
    """Times are monotonic seconds."""

    seconds: int | None = 60
    paused: bool = False
    began: float | None = None
    """When everything was last listed."""

    def due(self, now: float, longest: float) -> bool:
        """Tell whether it is time to list again; the `longest` listing took so many seconds."""
        left = self.left(now, longest)
        return left is not None and left <= 0

    def left(self, now: float, longest: float) -> float | None:
        """Return the seconds until the next time, None while there is none."""
        if self.paused or self.seconds is None or self.began is None:
            return None
        return self.began + max(self.seconds, BREATHERS * longest) - now

    def next_interval(self) -> None:
        """Take the next of the intervals; none is paused."""
        place = INTERVALS.index(self.seconds) if self.seconds in INTERVALS else -1
        self.seconds = INTERVALS[(place + 1) % len(INTERVALS)]
        self.paused = False

    @property
    def words(self) -> str:
        """Say how often."""
        if self.seconds is None:
            return "only when asked"
        every = f"every {self.seconds} s" if self.seconds < 60 else f"every {self.seconds // 60} min"
        return f"paused ({every})" if self.paused else every
