"""What can be done with one page, taken apart."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import LOOK, MOVE, Action

NEEDS: dict[str, str] = {
    "page-read": "The page is being read, or could not be",
    "leads-on": "This cell leads to no other page",
    "cells": "This page has no cells",
    "earlier-page": "This is the first page here",
    "later-page": "This is the last page here",
}

ACTIONS = (
    Action(
        "page.follow",
        "enter",
        "follow",
        "Go to the page that the cell leads to: its child, or where its record goes on.",
        LOOK,
        ("leads-on",),
    ),
    Action(
        "page.right",
        "R",
        "right-most",
        "Go to the right-most child of an interior page, or on along a chain of overflow pages.",
        LOOK,
        ("page-read",),
        footer=False,
    ),
    Action("page.cells", "c", "cells/bytes", "Change between the cells and the bytes.", LOOK, ("cells",)),
    Action(
        "page.previous",
        "left_square_bracket",
        "previous",
        "To the page or frame before this one.",
        MOVE,
        ("earlier-page",),
    ),
    Action(
        "page.next",
        "right_square_bracket",
        "next",
        "To the page or frame behind this one.",
        MOVE,
        ("later-page",),
    ),
)
