"""The command a screen shows does exactly what the screen does."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.cli.main import run as run_command_line
from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.replica.fleet import refs, scan_replica
from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui import work
from sqlite_recovery_tui.tui.aim import LATEST, Aim, at_base, at_state
from sqlite_recovery_tui.tui.command import command_line
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.jobs import RestoreJob
from sqlite_recovery_tui.tui.state import Place
from tests.tui.support import NOW

LONG_AGO = datetime(2026, 3, 26, 9, 0, tzinfo=UTC)
AIMS = ("latest", "time", "segment", "end-of-wal", "snapshot", "nearest", "last-good")
LTX_AIMS = ("latest", "time", "txid", "compacted", "snapshot", "nearest")


def aim_for(name: str, place: Place) -> Aim:
    """Return a wish of each kind that a screen can make."""
    timeline = place.timeline
    assert timeline is not None
    points = list(timeline.generations[-1].runs[-1].points())
    snapshots = [point for point in points if point.key.endswith("snapshot.lz4")]
    segments = [point for point in points if point.key.endswith("wal.lz4")]
    damage = DamagedError("a segment is missing", last_good=points[0])
    return {
        "latest": LATEST,
        "time": Aim(AtTime(NOW - timedelta(minutes=20), "20 min ago")),
        "segment": at_state(next(point for point in segments[30:] if point.end is not None)),
        "end-of-wal": at_state(next(point for point in segments if point.end is None)),
        "snapshot": at_base(snapshots[1]),
        "nearest": Aim(AtTime(LONG_AGO, "9:00")).at_nearest(),
        "last-good": Aim(AtTime(NOW - timedelta(minutes=8))).in_front_of(damage),
    }[name]


def ltx_aim_for(name: str, place: Place) -> Aim:
    """Return a wish of each kind that a screen can make on LTX files."""
    assert place.timeline is not None
    assert place.timeline.ltx is not None
    levels = place.timeline.ltx.levels
    states = place.timeline.ltx.states()
    return {
        "latest": LATEST,
        "time": Aim(AtTime(NOW - timedelta(minutes=10), "10 min ago")),
        "txid": at_state(states[levels[0][17].key]),
        "compacted": at_state(states[levels[1][3].key]),
        "snapshot": at_base(states[levels[9][0].key]),
        "nearest": Aim(AtTime(LONG_AGO, "9:00")).at_nearest(),
    }[name]


@pytest.mark.parametrize("name", LTX_AIMS)
def test_the_command_makes_the_same_file_from_ltx_files(
    name: str, settings: Settings, incident: DemoIncident, tmp_path: Path
) -> None:
    ref = refs(settings, "jobs.db")[0]
    place = Place(ref, scan_replica(ref))
    aim = ltx_aim_for(name, place)
    by_console, by_command = tmp_path / "console.db", tmp_path / "command.db"
    _restore(place, aim, by_console)
    words = shlex.split(command_line(place, aim, by_command, config=incident.config))
    assert ("-txid" in words) == (name in ("txid", "compacted", "snapshot"))
    assert run_command_line(words[1:]) == 0
    assert by_command.read_bytes() == by_console.read_bytes()


@pytest.mark.parametrize("configured", [True, False], ids=["configured", "by-url"])
@pytest.mark.parametrize("name", AIMS)
def test_the_command_makes_the_same_file(
    name: str, configured: bool, settings: Settings, incident: DemoIncident, tmp_path: Path
) -> None:
    offsite = incident.replicas[1].as_uri()
    ref = refs(settings, None)[1] if configured else refs(None, offsite)[0]
    aim = aim_for(name, Place(ref, scan_replica(ref)))
    moment = aim.target.time if isinstance(aim.target, AtTime) else None
    place = Place(ref, scan_replica(ref, exact_at=moment))
    by_console, by_command = tmp_path / "console.db", tmp_path / "command.db"
    _restore(place, aim, by_console)

    command = command_line(place, aim, by_command, config=settings.file if configured else None)
    words = shlex.split(command)
    assert words[0] == "sqlrecover"
    assert run_command_line(words[1:]) == 0
    assert by_command.read_bytes() == by_console.read_bytes()


def _restore(place: Place, aim: Aim, output: Path) -> None:
    assert place.timeline is not None
    draft = work.draft(place, place.timeline, aim, output.parent)
    job = RestoreJob(place=place, plan=draft.plan, output=output, aim=aim)
    request: Request[None] = Request(
        1, Queue.JOB, _Owner(), lambda _: None, then=print, failed=print, progress=None, partial=None
    )
    work.restore(job, FixedClock(NOW), Report(request, lambda _: None))


class _Owner:
    is_attached = True
