"""Which undo points have had their time by the configuration; the newest of a database never has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.errors import NotFoundError, UsageError
from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.undo import UndoPoint


@dataclass(frozen=True)
class UndoRule:
    """How long undo points of a database are kept, and how much room they may take; None: without a limit."""

    keep: timedelta | None = None
    most_bytes: int | None = None

    def __bool__(self) -> bool:
        """Tell whether anything expires by it."""
        return self.keep is not None or self.most_bytes is not None


def rule_of(settings: Settings | None, database: Path) -> UndoRule:
    """Return what the configuration says of a database: `undo-keep` and `undo-max`, the nearest of each."""
    if settings is None:
        return UndoRule()
    try:
        nearest = settings.database(str(database))
    except (NotFoundError, UsageError):
        return UndoRule(settings.undo_keep, settings.undo_max)
    return UndoRule(nearest.undo_keep, nearest.undo_max)


def due(beside: Beside, rule: UndoRule, now: datetime) -> list[UndoPoint]:
    """Return the undo points whose time has come, newest first; never the newest of all."""
    return list(undo.expired(undo.points(beside), now, keep=rule.keep, keep_bytes=rule.most_bytes))


def prune(beside: Beside, rule: UndoRule, now: datetime, *, spare: Path | None = None) -> list[UndoPoint]:
    """Delete the undo points whose time has come, but for the folder `spare`; return them.

    The caller holds the lock. Raises `OSError` for one that cannot be deleted; those before it are gone.
    """
    doomed = [point for point in due(beside, rule, now) if point.folder != spare] if rule else []
    for point in doomed:
        undo.remove(point)
    return doomed
