"""How it looks to compare with production, to rescue rows, to promote and to take that back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.proof import Subject
from sqlite_recovery_tui.tui.theme import DAY
from tests.tui.pictures import AT_EACH_SIZE, SMALL_ONLY, Look, Pictures
from tests.tui.support import Walk, make_console, press, settle, type_text
from tests.tui.support_production import FOLDER, own_production

SCRATCH, LIVE = Path("scratch/shop.db"), FOLDER / "shop.db"


@pytest.fixture(scope="module")
def restored(incident: DemoIncident, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's database as it was before the disaster."""
    output = tmp_path_factory.mktemp("restored") / "shop.db"
    when = incident.last_good_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ["restore", "-config", incident.config, "-timestamp", when, "-o", output, "shop.db"]
    command = [sys.executable, "-m", "sqlite_recovery_tui", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return output


@pytest.fixture
def produced(shown: Settings, incident: DemoIncident, restored: Path) -> Iterator[Settings]:
    """The incident with a production, and a restored database, in the test's own folder."""
    SCRATCH.parent.mkdir()
    shutil.copy2(restored, SCRATCH)
    with own_production(shown, incident) as settings:
        yield settings


def steps(place: str, *keys: str) -> Walk:
    """Return a walk that begins at a screen; `type:…` types."""

    async def walked(pilot: Pilot[None]) -> None:
        await settle(pilot)
        console = pilot.app
        assert isinstance(console, Console)
        console.padlock.open()
        if place == "bench":
            console.open_workbench(Subject(SCRATCH, "shop.db"))
        elif place == "diff":
            console.open_diff(SCRATCH, LIVE, table="invoices")
        else:
            console.open_promote(SCRATCH, LIVE)
        await settle(pilot)
        for key in keys:
            if key.startswith("type:"):
                await type_text(pilot, key.removeprefix("type:"))
            else:
                await press(pilot, key)
        console.clear_notifications()
        await pilot.pause()

    return walked


SCREENS: dict[str, Walk] = {
    "workbench": steps("bench", "down", "down"),
    "differences": steps("diff", "space", "end", "space"),
    "rows": steps("diff", "enter", "space", "down", "space"),
    "rescue": steps("diff", "space", "end", "space", "R"),
    "rescued": steps("diff", "space", "end", "space", "R", "enter", "type:shop.db", "enter"),
    "promote": steps("promote"),
    "taken-back": steps("promote", "enter", "type:shop.db", "enter", "u", "type:shop.db", "enter"),
}
LAID_OUT = ("rows", "promote")
"""Screens that are laid out in another way where there is more room."""
IN_DAYLIGHT = Look((120, 36), DAY)


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, produced: Settings, pictures: Pictures) -> None:
    looks = (*AT_EACH_SIZE, IN_DAYLIGHT) if name in LAID_OUT else SMALL_ONLY
    await pictures(make_console(produced), SCREENS[name], looks)
