"""How plans, jobs, proofs, interrupted restores and scratches look; a person approves every change."""

from __future__ import annotations

import dataclasses
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.restore.order import Order
from sqlite_recovery_tui.restore.run import RestoreOptions
from sqlite_recovery_tui.restore.scratch import note_integrity
from sqlite_recovery_tui.restore.work import work_path
from tests.support.scratches import PLAN, a_scratch
from tests.tui.support import NOW, PICTURE_SIZES, Walk, make_console, walk

KEPT = timedelta(days=7)
SCREENS: dict[str, Walk] = {
    "plan": walk("R"),
    "jobs": walk("R", "enter", "escape", "down", "v", "2"),
    "proof": walk("down", "v"),
    "proof-good": walk("v"),
}
sizes = pytest.mark.parametrize("size", PICTURE_SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@sizes
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, size: tuple[int, int], shown: Settings, snap_compare: Any) -> None:
    assert snap_compare(make_console(shown), terminal_size=size, run_before=SCREENS[name])


@sizes
def test_scratches(size: tuple[int, int], shown: Settings, snap_compare: Any) -> None:
    folder = shown.scratch_dir
    a_scratch(folder, "app.db", made=NOW - timedelta(minutes=3))
    damaged = a_scratch(folder, "app.db", made=NOW - timedelta(days=2), kind="full", ok=True)
    note_integrity(damaged, {"kind": "full", "ok": False, "messages": ["page 7: out of order"]})
    a_scratch(folder, "app.db", made=NOW - timedelta(days=9), kind="full", ok=True)
    kept = dataclasses.replace(shown, scratch_keep=KEPT, scratch_max=20 << 30)
    assert snap_compare(make_console(kept), terminal_size=size, run_before=walk("3", "down", "space"))


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


@sizes
def test_interrupted(size: tuple[int, int], interrupted: Settings, snap_compare: Any) -> None:
    assert snap_compare(make_console(interrupted), terminal_size=size, run_before=walk())
