"""When the log of a database is folded in, and how hard it is tried: a pure decision.

below the least size, and not long since the last time   nothing
from the least size, or after the interval               a moment of the writer's lock
blocked by readers, from the greatest size               wait for them a little, with writers held
from the size at which it must become smaller            afterwards cut the file to nothing
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, HEADER_SIZE


@dataclass(frozen=True, slots=True)
class Limits:
    """The steps of the ladder; frames are pages of the log, as Litestream's configuration counts them."""

    min_frames: int = 1_000
    max_frames: int = 10_000
    truncate_frames: int = 500_000
    interval_seconds: float = 60.0
    """How often frames are folded in that are fewer than `min_frames`; 0: never."""
    hold_seconds: float = 0.05
    """How long writers may be held at most, usually."""
    wait_seconds: float = 0.5
    """How long they may be held at most where readers have kept the log from being folded in for long."""
    again_seconds: float = 1.0
    """How soon it is tried again where it could not be done."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the decision rests on; times are seconds."""

    frames: int
    """Frames committed in the log."""
    backfilled: int
    """How many of them are in the database file."""
    file_bytes: int
    """The log's file, which does not shrink when the log begins anew."""
    page_size: int
    since_folded: float
    """Since it was last folded in whole."""
    since_tried: float


@dataclass(frozen=True, slots=True)
class Rung:
    """What to do now."""

    fold: bool = False
    hold_seconds: float = 0.0
    truncate: bool = False


def ladder(load: Load, limits: Limits) -> Rung:
    """Decide; see the module."""
    truncate = load.file_bytes >= HEADER_SIZE + limits.truncate_frames * (FRAME_HEADER_SIZE + load.page_size)
    left = load.frames - load.backfilled
    if not left and not truncate:
        return Rung()
    due = load.frames >= limits.min_frames or truncate
    if limits.interval_seconds > 0 and left:
        due = due or load.since_folded >= limits.interval_seconds
    if not due or load.since_tried < limits.again_seconds:
        return Rung()
    patient = load.frames >= limits.max_frames and load.since_folded >= limits.interval_seconds
    return Rung(True, limits.wait_seconds if patient else limits.hold_seconds, truncate)
