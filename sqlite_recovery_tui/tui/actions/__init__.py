"""Every key the console knows, once: the keymap, the footer, the help and the palette come from here.

A key that is not in this list does not exist; one that cannot be used now says why. Each view has a file of
its own, with the needs that only its actions have.
"""

from __future__ import annotations

from textual.binding import Binding

from sqlite_recovery_tui.tui.actions import (
    areas,
    bisect,
    browse,
    compare,
    dialogs,
    everywhere,
    filtering,
    fleet,
    history,
    jobs,
    object,
    page,
    plan,
    promote,
    replica,
    scratches,
    sheets,
    tables,
    timeline,
    welcome,
    workbench,
)
from sqlite_recovery_tui.tui.actions.action import GROUPS, Action, key_name

__all__ = [
    "ACTIONS",
    "AREA",
    "BY_ID",
    "DIALOGS",
    "EVERYWHERE",
    "GROUPS",
    "NEEDS",
    "PARTS",
    "SHEET",
    "TABLE",
    "Action",
    "bindings",
    "for_view",
    "key_name",
    "movements",
    "own",
]

EVERYWHERE = "app"
AREA = "area"
"""The digits, which work everywhere too."""
TABLE = "table"
SHEET = "sheet"
DIALOGS = (
    "question",
    "reader",
    "help",
    "time",
    "filter",
    "copy",
    "log",
    "interrupted",
    "typed",
    *bisect.DIALOGS,
    *workbench.DIALOGS,
    *history.DIALOGS,
)
"""Views that lie over a screen; only their own keys work in them."""

PARTS = {"replica": "timeline"}
"""Parts of a view that have keys of their own while they have the focus."""

NEEDS: dict[str, str] = {
    "row": "Nothing is selected yet",
    "history": "Nothing that could be restored was found here",
    "production": "No database of the configuration is known that this is a copy of",
    "plan": "There is no plan yet: choose a moment that can be restored",
    "last-good": "Nothing is damaged here, or nothing before the damage can be restored",
    "next-good": "There is no snapshot behind the damage",
    "other-replica": "No other replica of this database can serve this: it has none, or it is not listed yet",
    "previewable": "Only after a restore: this format keeps no index of pages to read single ones by",
    **browse.NEEDS,
    **replica.NEEDS,
    **object.NEEDS,
    **page.NEEDS,
    **plan.NEEDS,
    **promote.NEEDS,
    **compare.NEEDS,
    **jobs.NEEDS,
    **scratches.NEEDS,
    **history.NEEDS,
    **workbench.NEEDS,
    **everywhere.NEEDS,
}
"""What an action may need, and what to say where it is missing."""

ACTIONS: tuple[Action, ...] = (
    *welcome.ACTIONS,
    *fleet.ACTIONS,
    *browse.ACTIONS,
    *replica.ACTIONS,
    *timeline.ACTIONS,
    *bisect.ACTIONS,
    *object.ACTIONS,
    *page.ACTIONS,
    *plan.ACTIONS,
    *promote.ACTIONS,
    *compare.ACTIONS,
    *jobs.ACTIONS,
    *scratches.ACTIONS,
    *history.ACTIONS,
    *workbench.ACTIONS,
    *areas.ACTIONS,
    *everywhere.ACTIONS,
    *tables.ACTIONS,
    *sheets.ACTIONS,
    *filtering.ACTIONS,
    *dialogs.ACTIONS,
)
BY_ID = {action.id: action for action in ACTIONS}


def own(view: str) -> list[Action]:
    """Return the actions of one view alone."""
    return [action for action in ACTIONS if action.view == view]


def for_view(view: str) -> list[Action]:
    """Return what can be asked for in a view, its own actions first."""
    return own(view) + [action for action in ACTIONS if action.view in (EVERYWHERE, AREA)]


def movements(view: str = "", kind: str = TABLE) -> list[Action]:
    """Return the keys that move in tables, or on a sheet, and in what else a view has."""
    return [action for action in ACTIONS if action.view in (PARTS.get(view), kind)]


def bindings(view: str) -> list[Binding]:
    """Return the key bindings of a view, a dialog, of tables, or of everywhere."""
    return [
        Binding(
            action.keys.replace(" ", ","),
            action.verb if view == TABLE or view in DIALOGS else f"app.act('{action.id}')",
            action.label or action.description,
            show=action.footer,
            priority=action.priority,
            tooltip=action.description,
            id=action.id,
        )
        for action in ACTIONS
        if action.view == view
    ]
