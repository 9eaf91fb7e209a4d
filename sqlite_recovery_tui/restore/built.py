"""What a build leaves: the finished file's place in history, and what was shown of the way there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_recovery_tui.domain import Continuity, Place


@dataclass(frozen=True)
class Built:
    """The finished file's content: where in history it is and what was shown of the way there."""

    position: Place
    time: datetime
    pages: int
    page_size: int
    continuity: Continuity
    unproven: tuple[str, ...]
    lost: tuple[str, ...]
