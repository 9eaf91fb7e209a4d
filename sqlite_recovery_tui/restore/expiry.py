"""Which scratch databases have had their time: by age and by the room they take together.

The newest of each database and what is open anywhere stay, whatever the rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_recovery_tui.restore.scratches import Scratch, holders
from sqlite_recovery_tui.words import size, span


@dataclass(frozen=True)
class Rule:
    """How long scratches are kept, and how much room all may take; None: without a limit."""

    keep: timedelta | None = None
    most_bytes: int | None = None

    def __bool__(self) -> bool:
        """Tell whether anything expires by it."""
        return self.keep is not None or self.most_bytes is not None


@dataclass(frozen=True)
class Fate:
    """What becomes of one scratch under a rule."""

    scratch: Scratch
    due: str = ""
    """Why its time has come; empty while it has not."""
    kept: str = ""
    """Why it stays although it is due."""
    expires: datetime | None = None
    """When its age will be up; None: never, or not by its age."""

    @property
    def goes(self) -> bool:
        return bool(self.due) and not self.kept


def fates(
    found: Sequence[Scratch], rule: Rule, now: datetime, *, used: Callable[[Scratch], str] = holders
) -> list[Fate]:
    """Decide about every scratch, in the order given; `used` says who has one open."""
    newest = _newest(found)
    too_old = {scratch.path for scratch in found if rule.keep is not None and now - scratch.made > rule.keep}
    decided: dict[object, Fate] = {}
    over = _over(found, rule)
    for scratch in sorted(found, key=lambda each: each.made):
        due = ""
        if scratch.path in too_old:
            due = f"older than {span(rule.keep.total_seconds())}" if rule.keep else ""
        elif over > 0:
            due = f"all together take more than {size(rule.most_bytes)}"
        kept = _kept(scratch, newest, used) if due else ""
        expires = scratch.made + rule.keep if rule.keep is not None and scratch.path not in newest else None
        decided[scratch.path] = Fate(scratch, due, kept, expires)
        if decided[scratch.path].goes:
            over -= scratch.size
    return [decided[scratch.path] for scratch in found]


def _newest(found: Sequence[Scratch]) -> set[object]:
    """Return the paths of the newest scratch of each database."""
    best: dict[str, Scratch] = {}
    for scratch in found:
        before = best.get(scratch.family)
        if before is None or scratch.made > before.made:
            best[scratch.family] = scratch
    return {scratch.path for scratch in best.values()}


def _over(found: Sequence[Scratch], rule: Rule) -> int:
    """Return by how many bytes all together are over the limit."""
    if rule.most_bytes is None:
        return 0
    return sum(scratch.size for scratch in found) - rule.most_bytes


def _kept(scratch: Scratch, newest: set[object], used: Callable[[Scratch], str]) -> str:
    if scratch.path in newest:
        return f"the newest of {scratch.database}"
    who = used(scratch)
    return f"open in {who}" if who else ""
