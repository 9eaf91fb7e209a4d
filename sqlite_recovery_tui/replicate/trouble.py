"""How long to leave a replica in peace after a failure, by the kind of failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlite_recovery_tui.errors import (
    AccessDenied,
    BucketNotFound,
    ClockSkew,
    RecoverError,
    RefusedError,
    WrongRegion,
)

FIRST_SECONDS, LONGEST_SECONDS = 1.0, 30.0
SLOW_SECONDS = 60.0
_OF_OPERATOR = (AccessDenied, BucketNotFound, ClockSkew, WrongRegion, RefusedError)
"""What somebody has to put right: trying often does not help."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A replica that fails: the last error, since when, how often in a row."""

    error: RecoverError
    since: datetime
    times: int = 1

    @property
    def is_for_operator(self) -> bool:
        """Whether it stays until somebody does something."""
        return isinstance(self.error, _OF_OPERATOR)

    def again(self, error: RecoverError) -> Trouble:
        """Return the trouble after one more failure."""
        return Trouble(error, self.since, self.times + 1)

    def wait_seconds(self, draw: Callable[[], float]) -> float:
        """Return how long to wait before the next try: exponential, at least half of it, jittered."""
        longest = (
            SLOW_SECONDS
            if self.is_for_operator
            else min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self.times - 1, 16))
        )
        return longest * (0.5 + 0.5 * draw())
