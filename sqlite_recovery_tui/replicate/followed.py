"""What a follower is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Self

from sqlite_recovery_tui.config import DatabaseConfig
from sqlite_recovery_tui.replicate.ladder import Limits
from sqlite_recovery_tui.replicate.reading import STRETCH_BYTES
from sqlite_recovery_tui.replicate.stretch import Break, Mark

State = Literal["following", "waiting", "beginning"]


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """How a database is followed; times in seconds."""

    limits: Limits = field(default_factory=Limits)
    stretch_bytes: int = STRETCH_BYTES
    lock_seconds: float = 2.0
    """How long the writer's lock is waited for."""
    long_wait_seconds: float = 1.0
    """From when on a wait for it is told."""
    retry_seconds: float = 1.0
    """How often it is tried again to connect, and to begin."""
    longest_retry_seconds: float = 60.0
    """How seldom a new generation begins, where one is needed again and again."""

    @classmethod
    def of(cls, database: DatabaseConfig) -> Self:
        """Return what is configured for a database."""
        usual = Limits()
        interval = database.checkpoint_interval
        limits = Limits(
            min_frames=database.min_checkpoint_page_count or usual.min_frames,
            max_frames=database.max_checkpoint_page_count or usual.max_frames,
            interval_seconds=usual.interval_seconds if interval is None else interval.total_seconds(),
        )
        return cls(limits=limits)


@dataclass(frozen=True, slots=True)
class Started:
    """How following began; `why` is the reason of a new generation."""

    how: Literal["resumed", "began", "waiting"]
    detail: str
    why: Break | None
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Polled:
    """What a look found."""

    state: State
    moved: bool
    """Whether anything was handed on."""
    mark: Mark | None
    wal_bytes: int
    """The size of SQLite's file."""
    frames: int
    """How many frames of it are committed."""
    behind_bytes: int
    """Committed frames that are not kept yet."""
    detail: str = ""
    """Why nothing is kept at the moment; empty when all is well."""
