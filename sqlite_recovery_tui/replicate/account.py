"""What has happened to one database since its daemon began, counted; breaks of its history for good."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlite_recovery_tui.replicate.breaks import Breaks
from sqlite_recovery_tui.replicate.checkpoint import Checkpointed
from sqlite_recovery_tui.replicate.events import Event


@dataclass
class Account:
    """Events, checkpoints, and the time writers were held for them."""

    breaks: Breaks
    """When continuity could not be proven, where there was a generation before."""
    events: Counter[str] = field(default_factory=Counter)
    checkpoints: Counter[str] = field(default_factory=Counter)
    lock_seconds: float = 0.0
    longest_lock_seconds: float = 0.0
    wait_seconds: float = 0.0
    blocked_by: str = ""
    """Who keeps the log from being folded in."""
    last_event: str = ""
    began: str = ""
    """Why the present generation began."""

    def heard(self, event: Event, *, had_generation: bool) -> None:
        """Count an event."""
        self.events[event.kind] += 1
        self.last_event = f"{event.kind}: {event.detail}"
        if event.kind == "began":
            self.began = event.detail
            if had_generation:
                self.breaks.add(event.detail)

    def checkpointed(self, done: Checkpointed) -> None:
        """Count a checkpoint."""
        self.checkpoints[done.outcome] += 1
        self.lock_seconds += done.lock_seconds
        self.wait_seconds += done.wait_seconds
        self.longest_lock_seconds = max(self.longest_lock_seconds, done.lock_seconds)
        self.blocked_by = str(done.blocker) if done.blocker else ""
