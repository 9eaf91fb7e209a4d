"""How the history looks: the list, an act in full, the question where to write the report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.domain import Snapshot, WalSegment
from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.history.sources import Sources
from tests.tui.pictures import SMALL_ONLY, Pictures
from tests.tui.support import NOW, Walk, make_console, walk

GENERATION = "f3020a305956a25e"
WHO = {"user": "ana", "host": "db1", "pid": 4711, "process": "gone", "version": "0.2.0"}
DATABASE = {"database": "/srv/shop/shop.db", "replica": "primary", "url": "file:///mnt/backup/primary"}


def act(minutes: float, kind: str, **members: Any) -> Entry:
    """Return an act that began so many minutes before the console's time."""
    started = NOW - timedelta(minutes=minutes)
    ended = {} if members.get("outcome", "ok") is None else {"ended": started + timedelta(seconds=4)}
    known: dict[str, Any] = {"duration": 4.2, "outcome": "ok", **WHO, **DATABASE, **ended, **members}
    return Entry(kind=kind, started=started, **known)


def sources() -> Sources:
    began = NOW - timedelta(minutes=40)
    base = Snapshot(
        GENERATION, 9, f"generations/{GENERATION}/snapshots/00000009.snapshot.lz4", 812_345, began
    )
    names = [f"generations/{GENERATION}/wal/00000009_{number:08x}.wal.lz4" for number in range(13)]
    changes = [WalSegment(GENERATION, 9, 0, name, 30_123, began) for name in names]
    return Sources.of([base, *changes])


def acts() -> Iterator[Entry]:
    """Yield the acts of an incident, the oldest first."""
    point = NOW - timedelta(minutes=23, seconds=4)
    yield act(
        1441,
        "drill",
        verdict="consistent",
        integrity="ok",
        point_time=NOW - timedelta(minutes=1442),
        command="sqlrecover verify --full shop.db",
    )
    yield act(
        31,
        "restore",
        asked="14:41",
        outcome="failed",
        duration=0.3,
        error="newest available is 2026-03-26T14:03:08Z, 2,273 s before the time asked for",
        hint="leave the time out or add --nearest to take the newest",
        output="/srv/scratch/shop.db",
        command="sqlrecover restore -timestamp 2026-03-26T13:41:00Z -o /srv/scratch/shop.db shop.db",
    )
    yield act(
        24,
        "verify",
        replica="offsite",
        url="file:///mnt/backup/offsite",
        outcome="damaged",
        verdict="damaged",
        point_time=NOW - timedelta(seconds=4),
        error="wal/00000009_0013fdf0.wal.lz4: 94760 bytes of WAL are missing",
        command="sqlrecover verify -replica offsite shop.db",
    )
    yield act(9, "export", outcome=None, duration=None, asked="orders of shop.db", host="elsewhere")
    yield act(
        6,
        "restore",
        asked="23 min ago",
        verdict="proven",
        integrity="ok",
        point_time=point,
        lineage=GENERATION,
        position=f"{GENERATION}/00000009:00157018",
        output="/srv/scratch/shop-20260326T134008-00000009-00157018/shop.db",
        sources=sources(),
        results={"distance_seconds": 4.0, "bytes_fetched": 1_204_000, "folder": "/srv"},
        command="sqlrecover restore -timestamp 2026-03-26T13:40:12Z -integrity-check full -o shop.db shop.db",
    )


def fill() -> None:
    """Record the incident."""
    ledger = Ledger.open(warn=pytest.fail)
    for entry in acts():
        ledger.record(entry)


SCREENS: dict[str, Walk] = {"list": walk("4"), "full": walk("4", "enter")}
SMALL_SCREENS: dict[str, Walk] = {
    "filtered": walk("4", "slash", *"damaged", "enter"),
    "report": walk("4", "space", "space", "e"),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, shown: Settings, pictures: Pictures) -> None:
    fill()
    await pictures(make_console(shown), SCREENS[name])


@pytest.mark.parametrize("name", SMALL_SCREENS)
async def test_small_screen(name: str, shown: Settings, pictures: Pictures) -> None:
    fill()
    await pictures(make_console(shown), SMALL_SCREENS[name], SMALL_ONLY)


async def test_nothing_recorded_yet(shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), walk("4"), SMALL_ONLY)
