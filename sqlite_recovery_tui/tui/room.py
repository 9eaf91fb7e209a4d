"""Whether there is room for what a plan restores: what it needs, as far as is known, and what is free."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.plan import Plan

PLENTY = 10
"""From so many times what is needed on, nobody needs to know how much is free."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes needed and free where a restored database goes."""

    needed: int
    free: int
    folder: Path
    like_production: bool
    """Whether the need is that of the production database as it is now; otherwise it is a lower bound."""

    @property
    def enough(self) -> bool:
        return self.free >= self.needed


def room_for(place: Place, plan: Plan, output: Path) -> Room:
    """Look how much room there is for `plan` at `output`; waits for the file system."""
    database = place.ref.database
    live = database.path.stat().st_size if database is not None and database.path.is_file() else 0
    kept = 0 if place.local else sum(change.size for change in plan.changes)
    folder = next(parent for parent in output.absolute().parents if parent.is_dir())
    needed = max(live, plan.base.size) + kept
    return Room(needed, shutil.disk_usage(folder).free, folder, live >= plan.base.size)


def room_line(room: Room) -> Content:
    """Return what is needed and what is free, in words."""
    amount = f"{'about' if room.like_production else 'at least'} {phrases.size(room.needed)} needed"
    if not room.enough:
        return text.line(
            ("✗ not enough: ", "bold $text-error"),
            f"{amount}, {phrases.size(room.free)} free in {room.folder}",
            ("  o writes elsewhere", text.FAINT),
        )
    if room.free >= PLENTY * room.needed:
        return text.line(("✓ ", "$text-success"), amount, (", there is plenty", text.MUTED))
    return text.line(("✓ ", "$text-success"), amount, f", {phrases.size(room.free)} free")
