"""What was proven last stays until something newer is, and all that is left restores, with Litestream too."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config.models import Thresholds
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import OutsideCoverage
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replica.health import Facts, check_timeline
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.target import AtPosition
from sqlite_recovery_tui.words import rfc3339
from tests.support.litestream import litestream
from tests.support.shelf import content_of, folder, plan_for, proof_of
from tests.support.shipping import REPLICA, Ground

DAY = timedelta(hours=24)


class Days(Ground):
    """Hours of commits, with a snapshot every six of them and a day of retention."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, replace(REPLICA, retention=DAY, snapshot_interval=timedelta(hours=6)))
        self.states: list[tuple[datetime, Position, bytes]] = []

    def live(self, hours: int) -> None:
        for _ in range(hours):
            self.source.grow()
            self.turn(1800)
            place = self.shipper.status.position
            assert place is not None
            self.states.append((self.clock.now(), place, self.source.state()))
            if self.spool.wanted == "snapshot":
                self.source.snapshot()
            self.turn(1800)
            if uploading := self.shipper._uploading:
                uploading.join()

    @property
    def snapshots(self) -> list[datetime]:
        return sorted(info.time for key, info in self.objects().items() if "/snapshots/" in key)


@pytest.fixture
def days() -> Iterator[Days]:
    with folder() as place:
        made = Days(place)
        try:
            made.live(10)
            made.proven = [made.states[8][1]]
            made.live(62)
            yield made
        finally:
            made.close()


def test_the_proven_state_outlives_its_time_and_no_more_does(days: Days) -> None:
    store, now = days.store.inner, days.clock.now()
    _, place, content = days.states[8]
    assert content_of(store, AtPosition(place.index, place.offset, place.generation)) == content
    for time, _, state in days.states:
        if time >= now - DAY:
            assert content_of(store, time) == state
    floor, *window = days.snapshots
    assert floor < now - 2 * DAY
    assert 5 <= len(window) <= 7
    assert min(window) > now - timedelta(hours=32)

    (gap,) = scan(store).gaps()
    assert (gap.kind, gap.is_damage) == ("expired", False)
    found = Facts(scan(store), now, None, Thresholds(), timedelta(seconds=1))
    told = next(check for check in check_timeline(found) if check.name == "gaps")
    assert (told.status, "the newest proven state is kept" in told.message) == ("ok", True)
    proof = proof_of(store)
    assert not proof.faults
    with pytest.raises(OutsideCoverage, match="retention removed"):
        plan_for(store, days.states[30][0])
    with pytest.raises(OutsideCoverage, match="can no longer be restored"):
        plan_for(store, AtPosition(days.states[30][1].index, None, place.generation))

    days.proven.insert(0, days.states[-2][1])
    days.live(3)
    assert min(days.snapshots) > days.clock.now() - timedelta(hours=33)
    assert not scan(store).gaps()
    assert not [key for key in days.objects() if names.parse_removed(key)]


def test_litestream_restores_what_is_left(days: Days, tmp_path: Path) -> None:
    binary = litestream("0.3.13")
    url = f"file://{days.write_to(tmp_path / 'replica')}"
    within = [state for state in days.states if state[0] >= days.clock.now() - DAY]
    wanted = [(None, days.source.state()), (days.states[8][0], days.states[8][2])]
    wanted += [(time, content) for time, _, content in within[::6]]
    for number, (time, content) in enumerate(wanted):
        target = tmp_path / f"{number}.db"
        at = ["-timestamp", rfc3339(time)] if time is not None else []
        command = [str(binary), "restore", "-o", str(target), *at, url]
        subprocess.run(command, check=True, capture_output=True)
        assert target.read_bytes() == content
