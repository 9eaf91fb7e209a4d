"""How a stored object and a page of it look, at every size; a person approves every change."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.domain import LtxFile, Snapshot, WalSegment
from sqlite_recovery_tui.tui.app import Console
from tests.tui.pictures import Pictures
from tests.tui.support import Walk, make_console, settle, walk


def opening(kind: type[Snapshot] | type[WalSegment] | type[LtxFile], *keys: str) -> Walk:
    """Return a walk that opens the newest object of a kind, and presses keys there."""

    async def steps(pilot: Pilot[None]) -> None:
        await settle(pilot)
        console = pilot.app
        assert isinstance(console, Console)
        for place in console.listings.places:
            lanes = place.timeline.lanes if place.timeline is not None else ()
            objects = [each for lane in lanes for each in (*lane.bases, *lane.changes)]
            found = [each for each in objects if isinstance(each, kind)]
            if found:
                console.open_object(place, max(found, key=lambda each: (each.time, each.size, each.key)))
                break
        await walk(*keys)(pilot)

    return steps


SCREENS: dict[str, Walk] = {
    "frames": opening(WalSegment, "f", "down"),
    "snapshot": opening(Snapshot, "pagedown"),
    "level-file": opening(LtxFile, "end"),
    "page": opening(Snapshot, "enter", "c", "down"),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), SCREENS[name])
