"""Draw the console's screens for the README: `make screenshots` writes SVG and PNG of each.

The sample incident, a clock that stands still and names of a server make the pictures the same everywhere.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when textual is imported

from textual.pilot import Pilot

from sqlite_recovery_tui import config, demo
from sqlite_recovery_tui.tui.theme import CLEAR, DAY, NIGHT
from tests.support.screenshots import render
from tests.tui.support import (
    NOW,
    make_console,
    opened,
    presentable,
    press,
    server_names,
    settle,
    still_checks,
    type_text,
)

NORMAL, SMALL, LARGE = (120, 36), (80, 24), (200, 50)
DEFAULT_FOLDER = Path(__file__).parents[2] / "screenshots"


class Album:
    """Takes pictures of one console into a folder."""

    def __init__(self, pilot: Pilot[None], folder: Path, suffix: str) -> None:
        """Name every file with `suffix`."""
        self._pilot = pilot
        self._folder = folder
        self._suffix = suffix

    async def take(self, name: str, *keys: str, typed: str = "") -> None:
        """Press keys one by one, paste what is to be typed, and take a picture."""
        for key in keys:
            await press(self._pilot, key)
        if typed:
            await type_text(self._pilot, typed)
        await settle(self._pilot)
        await self._pilot.pause(0.1)
        self._pilot.app.clear_notifications()
        await self._pilot.pause(0.1)
        svg = self._pilot.app.export_screenshot(title="sqlrecover")
        file = self._folder / f"{name}{self._suffix}"
        file.with_suffix(".svg").write_text(svg)
        file.with_suffix(".png").write_bytes(render(svg))


async def tour(album: Album) -> None:
    """Walk through the incident, from the fleet to the rows before the disaster."""
    await album.take("fleet")
    await album.take("help", "question_mark")
    await album.take("palette", "escape", "colon")
    await album.take("replica", "escape", "enter", "right_square_bracket")
    await album.take("time", "g", typed="14:53:40")
    await album.take("plan", "enter")
    await album.take("workbench", "enter", "down", "down", "enter")
    await album.take("cell", "right", "right", "right", "enter")
    await album.take(
        "sql",
        "escape",
        "s",
        typed="SELECT status, count(*) AS orders, sum(total_cents) / 100 AS euro FROM orders GROUP BY 1",
    )
    await album.take("sql", "enter")
    await album.take("verdict", "v")
    await album.take("restore", "escape", "J")


async def damage(album: Album) -> None:
    """Meet the segment that is missing offsite, and go to the last good commit."""
    await album.take("outside", "down", "enter", "g", typed="09:00")
    await album.take("outside", "enter")
    await album.take("damaged", "g", "home", "ctrl+k", typed="2026-03-26 13:55 utc")
    await album.take("damaged", "enter", "enter")
    await album.take("last-good", "l")
    await album.take("incomplete", "enter")


async def levels(album: Album) -> None:
    """Go back in the queue's LTX files to before the clean-up script, looking first, restoring then."""
    await album.take("levels", "end", "enter")
    await album.take("level", "right_square_bracket", "down", "down")
    await album.take("moment", "g", typed="2026-03-26 13:55:52 utc")
    await album.take("txid", "enter")
    await album.take("preview", "v", "enter", "right", "right")
    await album.take(
        "preview-sql", "s", typed="SELECT state, count(*) AS jobs FROM jobs GROUP BY state ORDER BY 2 DESC"
    )
    await album.take("preview-sql", "enter")


async def glance(album: Album) -> None:
    """The main screens only: for another size, another theme."""
    await album.take("fleet")
    await album.take("replica", "enter")
    await album.take("plan", "R")
    await album.take("workbench", "enter", "down", "down", "enter")


async def glance_at_levels(album: Album) -> None:
    """The screens that LTX files fill, for another size."""
    await album.take("levels", "end", "enter")
    await album.take("preview", "v", "right")


async def draw(folder: Path) -> None:
    """Draw every picture into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    incident = demo.build(Path("demo").absolute(), now=NOW)
    settings = presentable(config.load(incident.config))
    for walk, size, theme, suffix in (
        (tour, NORMAL, NIGHT, ""),
        (damage, NORMAL, NIGHT, ""),
        (levels, NORMAL, NIGHT, ""),
        (glance, SMALL, NIGHT, "-80x24"),
        (glance, LARGE, NIGHT, "-200x50"),
        (glance_at_levels, SMALL, NIGHT, "-80x24"),
        (glance_at_levels, LARGE, NIGHT, "-200x50"),
        (glance, NORMAL, DAY, "-light"),
        (glance, NORMAL, CLEAR, "-clear"),
    ):
        console = make_console(settings)
        console.theme = theme.name
        async with opened(console, size) as pilot:
            await walk(Album(pilot, folder, suffix))
    async with opened(make_console(None), NORMAL) as pilot:
        await Album(pilot, folder, "").take("welcome")


def main() -> None:
    """Draw into the folder named on the command line."""
    os.environ["TZ"] = "Europe/Berlin"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else DEFAULT_FOLDER
    with tempfile.TemporaryDirectory() as work, server_names(), still_checks():
        os.chdir(work)
        asyncio.run(draw(folder))
        os.chdir("/")


if __name__ == "__main__":
    main()
