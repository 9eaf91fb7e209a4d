"""Work as data: it can be carried out where it is, or be sent to a process of its own."""

from __future__ import annotations

from typing import Protocol, TypeVar

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.progress import CancelToken, ProgressFn

T_co = TypeVar("T_co", covariant=True)


class Task(Protocol[T_co]):
    """Something to be done, with all that is needed for it; `pickle` has to take it and what comes of it."""

    @property
    def name(self) -> str:
        """What it is called where it failed: `restore of app.db`."""
        ...

    @property
    def after_death(self) -> str:
        """What to do when its process died."""
        ...

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> T_co:
        """Do it; raises what it is documented to, and `Cancelled`."""
        ...
