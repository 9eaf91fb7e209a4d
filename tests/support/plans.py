"""Plans over written listings, for tests."""

from __future__ import annotations

from typing import Any

from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.target import AtTime, Latest, Target
from tests.support.listings import at


def plan(of: Timeline, target: Target | float | None, **options: Any) -> Plan:
    """Plan for a target, a number of seconds after the start, or the latest state (None)."""
    wanted = Latest() if target is None else AtTime(at(target)) if isinstance(target, int | float) else target
    return make_plan(of, wanted, database="/app.db", replica="s3", url="s3://bucket/app", **options)


def short(item: Any) -> str:
    """Name an object as `listing` does, without its time."""
    offset = getattr(item, "offset", None)
    return f"S{item.index:x}" if offset is None else f"{item.index:x}.{offset:x}"


WHOLE = "S0@0 0.0@1 0.20@5 1.0@10 S2@19 2.0@20 2.1018@30"
HOLED = "S0@0 0.0@1 1.0@5 3.0@20 3.20@25 S4@30 4.0@40"
OPEN_HOLE = "S0@0 0.0@1 1.0@5 3.0@20 3.20@30"
