"""A stored object in the words of its listing; nothing of its anatomy is needed to say them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlite_recovery_tui.domain import LtxFile, Snapshot, StoredObject
from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen


def noun(item: StoredObject) -> str:
    """Return what an object is called."""
    match item:
        case Snapshot():
            return "snapshot"
        case LtxFile(level=level):
            return f"level {level}"
        case _:
            return "segment"


def name(item: StoredObject) -> str:
    """Return an object's short name, as breadcrumbs have it."""
    return f"{noun(item)} {phrases.short_ids(item.label)}"


def stored_facts(item: StoredObject, screen: ConsoleScreen) -> Iterator[Fact]:
    """Yield what the listing alone tells."""
    yield "stored", f"{phrases.size(item.size)} · {screen.in_full(item.time)}"
    yield "object", text.line((item.key, text.MUTED))
