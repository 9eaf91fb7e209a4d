"""Draw the console's screens for the README: `make screenshots` writes SVG and PNG of each.

The sample incident, a clock that stands still and names of a server make the pictures the same everywhere.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when textual is imported

import pytest
from textual.pilot import Pilot
from textual.theme import Theme

from sqlite_recovery_tui import config, demo
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.logbook import Note
from sqlite_recovery_tui.tui.theme import CLEAR, DAY, MONO, NIGHT, TERMINAL
from tests.support.screenshots import render, smaller
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
from tests.tui.support_production import own_production
from tests.tui.test_pictures_history import fill

NORMAL, SMALL, LARGE = (120, 36), (80, 24), (200, 50)
DEFAULT_FOLDER = Path(__file__).parents[2] / "screenshots"


class Album:
    """Takes pictures of one console into a folder."""

    def __init__(self, pilot: Pilot[None], folder: Path, suffix: str) -> None:
        """Name every file with `suffix`."""
        self._pilot = pilot
        self._folder = folder
        self._suffix = suffix

    def note(self, words: str) -> None:
        """Put a line into the log, at the time that stands still."""
        console = self._pilot.app
        assert isinstance(console, Console)
        level = logging.WARNING if "slow" in words else logging.INFO
        console.book.notes.append(Note(level, f"{NOW:%H:%M:%S}", words))
        console.book.written += 1

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
        file.with_suffix(".png").write_bytes(smaller(render(svg)))


async def tour(album: Album) -> None:
    """Walk through the incident, from the fleet to the rows before the disaster."""
    await album.take("fleet")
    await album.take("help", "question_mark")
    await album.take("palette", "escape", "colon")
    await album.take("copy", "escape", "y")
    await album.take("padlock", "escape", "K")
    await album.take("replica", "n", "B")
    await album.take("time", "g", typed="14:53:40")
    await album.take("plan", "escape", "enter")
    await album.take("workbench", "enter", "down", "down", "enter")
    await album.take("order", "o")
    await album.take(
        "sql",
        "escape",
        "s",
        typed="SELECT status, count(*) AS orders, sum(total_cents) / 100 AS euro FROM orders GROUP BY 1",
    )
    await album.take("sql", "enter")
    await album.take("export", "e")
    await album.take("verdict", "escape", "escape", "v")
    await album.take("schema", "escape", "i")
    await album.take("cell", "escape", "end", "up", "enter", "right", "right", "right", "enter")
    await album.take("restore", "escape", "J")
    await album.take("scratches", "3")


async def damage(album: Album) -> None:
    """Meet the segment that is missing offsite, go to the last good commit, prove what else there is."""
    await album.take("outside", "down", "enter", "g", typed="09:00")
    await album.take("outside", "enter")
    await album.take("damaged", "g", "home", "ctrl+k", typed="2026-03-26 13:55 utc")
    await album.take("damaged", "enter", "enter")
    await album.take("last-good", "l")
    await album.take("incomplete", "enter")
    await album.take("proof", "1", "v")
    await album.take("jobs", "2")


async def anatomy(album: Album) -> None:
    """Drill down: a window of the timeline, an object, its frames, a page."""
    await album.take("timeline", "enter", "B", "plus", "plus", "plus")
    await album.take("segment", "i")
    await album.take("frames", "f")
    await album.take("page", "enter")
    album.note("listing file:///mnt/backup/primary: 284 objects")
    album.note("slow answer: 2.4 s for generations/f3020a305956a25e/wal/0000000a_000ab010.wal.lz4")
    await album.take("log", "ctrl+l")


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


async def acts_of_others(album: Album) -> None:
    """The history of an incident, and a report on it."""
    await album.take("history", "4")
    await album.take("act", "enter")
    await album.take("report", "escape", "space", "space", "e")


async def browsing(album: Album) -> None:
    """Look through a folder for replicas that no configuration names."""
    await album.take("browse", "5", "o", typed="bucket")
    await album.take("browse", "enter")


async def putting_back(album: Album) -> None:
    """Find the commit, compare with production, rescue what it lacks; or promote all, and take it back."""
    await album.take("bisect", "enter", "b", typed="SELECT count(*) > 5000 FROM orders")
    await album.take("found", "enter")
    await album.take("live", "p", "enter", "down", "down")
    await album.take("differences", "D", "end", "space", "home", "down", "down", "space", "end")
    await album.take("rows", "enter", "f", "down", "down", "space")
    await album.take("rows-changed", "f")
    await album.take("rescue", "escape", "R")
    await album.take("rescue-name", "K", "y", "enter", typed="shop.db")
    await album.take("rescued", "enter")
    await album.take("promote", "escape", "escape", "P")
    await album.take("promoted", "enter", typed="shop.db")
    await album.take("promoted", "enter")
    await album.take("taken-back", "u", typed="shop.db")
    await album.take("taken-back", "enter")


async def glance(album: Album) -> None:
    """The main screens only: for another size, another theme."""
    await album.take("fleet")
    await album.take("replica", "B")
    await album.take("plan", "enter")
    await album.take("workbench", "enter", "down", "down", "enter")


EVERY = ((NORMAL, NIGHT, ""), (NORMAL, DAY, "-light"), (SMALL, NIGHT, "-80x24"))
"""How every screen is drawn: size, theme, and what ends the file's name."""
SOME = (
    (LARGE, NIGHT, "-200x50"),
    (NORMAL, CLEAR, "-clear"),
    (NORMAL, TERMINAL, "-terminal"),
    (SMALL, MONO, "-mono"),
)


async def draw(folder: Path) -> None:
    """Draw every picture into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    incident = demo.build(Path("demo").absolute(), now=NOW)
    settings = presentable(config.load(incident.config))
    for look in EVERY:
        for walk in (tour, damage, anatomy, levels, putting_back):
            _forget()
            with own_production(settings, incident) as own:
                await _draw(walk, make_console(own), folder, look)
        _forget()
        fill()
        await _draw(acts_of_others, make_console(settings), folder, look)
        with a_bucket(incident):
            await _draw(browsing, make_console(settings), folder, look)
        await _draw(welcome, make_console(None), folder, look)
    for look in SOME:
        _forget()
        with own_production(settings, incident) as own:
            await _draw(glance, make_console(own), folder, look)


async def welcome(album: Album) -> None:
    """The first screen where nothing is configured."""
    await album.take("welcome")


async def _draw(
    walk: Callable[[Album], Awaitable[None]],
    console: Console,
    folder: Path,
    look: tuple[tuple[int, int], Theme, str],
) -> None:
    size, theme, suffix = look
    console.theme = theme.name
    async with opened(console, size) as pilot:
        await walk(Album(pilot, folder, suffix))


def _forget() -> None:
    """Begin with an empty history and no scratch databases."""
    for name in (os.environ["XDG_STATE_HOME"], os.environ["XDG_CACHE_HOME"], "scratch"):
        shutil.rmtree(name, ignore_errors=True)


@contextmanager
def a_bucket(incident: DemoIncident) -> Iterator[None]:
    """Offer a folder with replicas, one of a database that no configuration names."""
    bucket = Path.cwd() / "bucket"
    shutil.copytree(incident.replicas[0], bucket / "eu" / "tenants" / "deleted.db", dirs_exist_ok=True)
    shutil.copytree(incident.jobs.replica, bucket / "us" / "jobs.db", dirs_exist_ok=True)
    shown = property(lambda replica: f"file:///mnt/backup/{replica.path.partition('/bucket')[2].strip('/')}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config.ReplicaConfig, "url", shown)
        yield


def main() -> None:
    """Draw into the folder named on the command line."""
    os.environ["TZ"] = "Europe/Berlin"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else DEFAULT_FOLDER
    with tempfile.TemporaryDirectory() as work, server_names(), still_checks():
        os.chdir(work)
        os.environ["XDG_STATE_HOME"], os.environ["XDG_CACHE_HOME"] = f"{work}/state", f"{work}/cache"
        asyncio.run(draw(folder))
        os.chdir("/")


if __name__ == "__main__":
    main()
