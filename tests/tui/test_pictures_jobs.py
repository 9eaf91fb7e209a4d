"""How plans, jobs, proofs, interrupted restores and scratches look; a person approves every change."""

from __future__ import annotations

import dataclasses
import os
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.restore.order import Order
from sqlite_recovery_tui.restore.run import RestoreOptions
from sqlite_recovery_tui.restore.scratch import note_integrity
from sqlite_recovery_tui.restore.work import work_path
from tests.support.scratches import PLAN, a_scratch
from tests.tui.pictures import Pictures
from tests.tui.support import NOW, Walk, make_console, walk

KEPT = timedelta(days=7)
SCREENS: dict[str, Walk] = {
    "plan": walk("R"),
    "jobs": walk("R", "enter", "escape", "down", "v", "2"),
    "proof": walk("down", "v"),
    "proof-good": walk("v"),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), SCREENS[name])


async def test_scratches(shown: Settings, pictures: Pictures) -> None:
    folder = shown.scratch_dir
    a_scratch(folder, "app.db", made=NOW - timedelta(minutes=3))
    damaged = a_scratch(folder, "app.db", made=NOW - timedelta(days=2), kind="full", ok=True)
    note_integrity(damaged, {"kind": "full", "ok": False, "messages": ["page 7: out of order"]})
    a_scratch(folder, "app.db", made=NOW - timedelta(days=9), kind="full", ok=True)
    kept = dataclasses.replace(shown, scratch_keep=KEPT, scratch_max=20 << 30)
    await pictures(make_console(kept), walk("3", "down", "space"))


@pytest.fixture
def interrupted(shown: Settings, incident: DemoIncident) -> Settings:
    """A work directory as a killed restore leaves it, with times that stand still."""
    work = work_path(shown.scratch_dir.absolute() / "shop-20260326T135340" / "shop.db")
    work.mkdir(mode=0o700, parents=True)
    options = RestoreOptions(Path("unused"), scratch=True)
    order = dataclasses.replace(Order.of(PLAN, options, NOW), url=incident.replicas[0].as_uri())
    order = dataclasses.replace(order, database="/srv/shop/shop.db", replica="primary", fetch_bytes=1000)
    order.write(work)
    (work / "segments.pack").write_bytes(bytes(620))
    moment = (NOW - timedelta(minutes=3)).timestamp()
    for file in work.iterdir():
        os.utime(file, (moment, moment))
    return shown


async def test_interrupted(interrupted: Settings, pictures: Pictures) -> None:
    await pictures(make_console(interrupted), walk())
