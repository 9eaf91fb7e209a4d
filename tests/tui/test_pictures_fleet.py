"""How the fleet and the search through a bucket look, at every size; a person approves every change."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui import config
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.replica.behind import Behind
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.state import Beside, LastListing
from sqlite_recovery_tui.tui.theme import DAY
from tests.tui.support import NOW, PICTURE_SIZES, Walk, make_console, press, settle, type_text, walk

SIZES = pytest.mark.parametrize("size", PICTURE_SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


async def one_behind(pilot: Pilot[None]) -> None:
    """Let one replica be up to date, one far behind, one with a listing of an earlier session."""
    await settle(pilot)
    console = pilot.app
    assert isinstance(console, Console)
    primary, offsite, archive = console.listings.places
    primary.beside = Beside(Behind(timedelta(), "ok"), on_host=True)
    offsite.beside = Beside(Behind(timedelta(minutes=41), "warn"), on_host=True)
    assert archive.timeline is not None
    archive.known, archive.state = LastListing(archive.timeline, NOW - timedelta(minutes=3)), None
    for place in console.listings.places:
        console.screen.place_changed(place)  # type: ignore[attr-defined]
    await press(pilot, "down")


async def filtered(pilot: Pilot[None]) -> None:
    await walk("space", "down", "slash")(pilot)
    await type_text(pilot, "!prim")


async def in_daylight(pilot: Pilot[None]) -> None:
    pilot.app.theme = DAY.name
    await walk("space", "S", "O")(pilot)


FLEET: dict[str, Walk] = {"behind": one_behind, "filtered": filtered, "day": in_daylight}


@SIZES
@pytest.mark.parametrize("name", FLEET)
def test_fleet(name: str, size: tuple[int, int], shown: Settings, snap_compare: Any) -> None:
    assert snap_compare(make_console(shown), terminal_size=size, run_before=FLEET[name])


@SIZES
def test_browse(size: tuple[int, int], incident: DemoIncident, shown: Settings, snap_compare: Any) -> None:
    bucket = Path.cwd() / "bucket"
    shutil.copytree(incident.replicas[0], bucket / "eu" / "tenants" / "deleted.db")
    shutil.copytree(incident.jobs.replica, bucket / "us" / "jobs.db")
    found = property(lambda replica: f"file:///mnt/backup/{replica.path.partition('/bucket')[2].strip('/')}")
    [shop, jobs] = shown.databases
    known = replace(jobs, replicas=(replace(jobs.replicas[0], path=str(bucket / "us" / "jobs.db")),))
    settings = replace(shown, databases=(shop, known))

    async def look(pilot: Pilot[None]) -> None:
        await walk("5", "o")(pilot)
        await type_text(pilot, "bucket")
        await walk("enter")(pilot)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config.ReplicaConfig, "url", found)
        assert snap_compare(make_console(settings), terminal_size=size, run_before=look)
