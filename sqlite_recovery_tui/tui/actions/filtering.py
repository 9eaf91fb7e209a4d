"""The keys that filter and sort a table; every view with a list has them."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import LOOK, MOVE, Action

ACTIONS = (
    Action("filter.up", "up", "up", "One row up while typing a filter.", MOVE, footer=False),
    Action("filter.down", "down", "down", "One row down while typing a filter.", MOVE, footer=False),
)


def filtering(view: str) -> tuple[Action, ...]:
    """Return what a `FilteredScreen` offers, as actions of `view`."""
    return (
        Action(
            f"{view}.filter",
            "slash",
            "filter",
            "Keep only the rows that a regular expression fits; ! in front keeps the others.",
            LOOK,
        ),
        Action(
            f"{view}.sort", "S", "sort", "Sort by the next column; behind the last, not.", LOOK, footer=False
        ),
        Action(f"{view}.order", "O", "order", "Turn the order round.", LOOK, footer=False),
    )
