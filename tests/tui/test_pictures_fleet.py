"""How the fleet and the search through a bucket look, at every size; a person approves every change."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui import config
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.replica.behind import Behind
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.state import Beside, LastListing
from sqlite_recovery_tui.tui.theme import DAY
from tests.tui.pictures import Pictures
from tests.tui.support import NOW, Walk, make_console, press, settle, type_text, walk


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


@pytest.mark.parametrize("name", FLEET)
async def test_fleet(name: str, shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), FLEET[name])


async def test_browse(incident: DemoIncident, shown: Settings, pictures: Pictures) -> None:
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
        await pictures(make_console(settings), look)
