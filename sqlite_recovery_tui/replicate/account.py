"""What has happened to one database since its daemon began, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlite_recovery_tui.replicate.checkpoint import Checkpointed
from sqlite_recovery_tui.replicate.events import Event


@dataclass
class Account:
    """Events, checkpoints, and the time writers were held for them."""

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
    breaks: int = 0
    """How often continuity could not be proven, where there was a generation before."""

    def heard(self, event: Event, *, had_generation: bool) -> None:
        """Count an event."""
        self.events[event.kind] += 1
        self.last_event = f"{event.kind}: {event.detail}"
        if event.kind == "began":
            self.began = event.detail
            self.breaks += had_generation

    def checkpointed(self, done: Checkpointed) -> None:
        """Count a checkpoint."""
        self.checkpoints[done.outcome] += 1
        self.lock_seconds += done.lock_seconds
        self.wait_seconds += done.wait_seconds
        self.longest_lock_seconds = max(self.longest_lock_seconds, done.lock_seconds)
        self.blocked_by = str(done.blocker) if done.blocker else ""
