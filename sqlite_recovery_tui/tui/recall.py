"""Goes back to where the console was left: the area or replica, how times and colours were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui import areas, phrases
from sqlite_recovery_tui.tui.memory import Remembered
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.app import Console

LASTING = ("scratches", "history", "browse")
"""Areas that are not empty in a new session."""


def place_of(console: Console) -> Remembered:
    """Return where `console` is now."""
    screens = console.screens
    places = [place for screen in screens if isinstance(place := getattr(screen, "place", None), Place)]
    selected = getattr(screens[0], "selected", None) if screens and screens[0].ready else None
    place = places[-1] if places else selected if isinstance(selected, Place) else None
    area = next((screen.VIEW for screen in reversed(screens) if screen.VIEW in areas.BY_ID), "")
    return Remembered(
        area=area if area in LASTING else "",
        database=place.database if place is not None else "",
        replica=place.replica if place is not None else "",
        opened=bool(places),
        times=console.time_style,
        theme=console.theme,
    )


def dress(console: Console, remembered: Remembered) -> None:
    """Show times and colours as they were; before the first paint."""
    if remembered.times in phrases.TIME_STYLES:
        console.time_style = remembered.times
    if remembered.theme in console.available_themes and not console.no_color:
        console.theme = remembered.theme


def go_back(console: Console, remembered: Remembered) -> None:
    """Open what was open, as far as it still exists; the fleet lies below it."""
    place = next(
        (
            place
            for place in console.listings.places
            if (place.database, place.replica) == (remembered.database, remembered.replica)
        ),
        None,
    )
    if remembered.area in LASTING and remembered.area in areas.BY_ID:
        area = areas.BY_ID[remembered.area]
        console.go_to(area)
        console.say(f"Back in the {area.title}, where you left; 1 is the fleet")
    elif place is not None and remembered.opened:
        console.open_place(place)
        console.say(f"Back at {place.database} {place.replica}, where you left; 1 is the fleet")
