"""Which undo points and patches have had their time by the configuration; the newest of each never has."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.errors import NotFoundError, UsageError
from sqlite_recovery_tui.promote import patches, undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.patches import Patch
from sqlite_recovery_tui.promote.undo import UndoPoint

LOGGER = logging.getLogger(__name__)

Way = UndoPoint | Patch
"""A way back from what was done to a database."""


@dataclass(frozen=True)
class UndoRule:
    """How long ways back of a database are kept, and how much room each kind may take; None: no limit."""

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


class _Aging(Protocol):
    """What was made at some time and takes some room."""

    @property
    def made(self) -> datetime: ...

    @property
    def size(self) -> int: ...


_Kept = TypeVar("_Kept", bound=_Aging)


def expired(found: Sequence[_Kept], rule: UndoRule, now: datetime) -> Iterator[_Kept]:
    """Yield which of `found`, newest first, are too old or too much; never the newest."""
    total = 0
    for number, each in enumerate(found):
        total += each.size
        is_old = rule.keep is not None and now - each.made > rule.keep
        is_much = rule.most_bytes is not None and total > rule.most_bytes
        if number and (is_old or is_much):
            yield each


def due(beside: Beside, rule: UndoRule, now: datetime) -> list[Way]:
    """Return the undo points, then the patches whose time has come; never the newest of either."""
    points = expired(undo.points(beside), rule, now)
    return [*points, *expired(patches.patches(beside), rule, now)]


def prune(beside: Beside, rule: UndoRule, now: datetime, *, spare: Path | None = None) -> list[Way]:
    """Delete the ways back whose time has come, but for the folder or file `spare`; return them.

    The caller holds the lock. Raises `OSError` for one that cannot be deleted; those before it are gone.
    """
    doomed = [way for way in due(beside, rule, now) if _place(way) != spare] if rule else []
    for way in doomed:
        if isinstance(way, Patch):
            patches.remove(way)
        else:
            undo.remove(way)
    return doomed


def prune_calmly(beside: Beside, rule: UndoRule, now: datetime, *, spare: Path | None) -> tuple[str, ...]:
    """Prune after something was done that stands, whatever comes of this; return the names."""
    try:
        return tuple(way.name for way in prune(beside, rule, now, spare=spare))
    except OSError as error:
        LOGGER.warning("an undo point that expired cannot be deleted: %s", error)
        return ()


def _place(way: Way) -> Path:
    return way.file if isinstance(way, Patch) else way.folder
