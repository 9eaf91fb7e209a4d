"""How fast something counts up, as the last few seconds tell."""

from __future__ import annotations

from collections import deque


class Pace:
    """How fast something counts up, over the last few seconds."""

    WINDOW_SECONDS = 5.0

    def __init__(self) -> None:
        """Begin without any reading."""
        self._readings: deque[tuple[float, int]] = deque()

    def note(self, count: int, now: float) -> None:
        """Take a reading."""
        self._readings.append((now, count))
        while self._readings[0][0] < now - self.WINDOW_SECONDS:
            self._readings.popleft()

    @property
    def per_second(self) -> float | None:
        """Units a second; None until two readings lie apart."""
        if len(self._readings) < 2:
            return None
        (first, low), (last, high) = self._readings[0], self._readings[-1]
        return (high - low) / (last - first) if last > first else None
