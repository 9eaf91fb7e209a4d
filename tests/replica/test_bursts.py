"""What stands out of a listing is found where the sample incident went wrong, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sqlite_recovery_tui import config, demo
from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.replica.bursts import FEW, MANY_TIMES, MOST, bursts_of
from sqlite_recovery_tui.replica.fleet import refs, scan_replica
from sqlite_recovery_tui.replica.lineage import Lane
from sqlite_recovery_tui.replica.timeline import Timeline

BEGIN = datetime(2026, 3, 26, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> DemoIncident:
    return demo.build(tmp_path_factory.mktemp("bursts") / "demo", now=BEGIN)


def timelines(incident: DemoIncident) -> dict[str, Timeline]:
    found = {}
    for ref in refs(config.load(incident.config), None):
        timeline = scan_replica(ref, clock=SYSTEM).timeline
        assert timeline is not None
        found[ref.replica.name] = timeline
    return found


def test_the_largest_burst_is_the_act_that_went_wrong(incident: DemoIncident) -> None:
    shop, jobs = timelines(incident)["primary"], timelines(incident)["archive"]
    first = shop.bursts[0]
    assert first.before.time == incident.last_good_time
    assert timedelta() <= first.item.time - incident.disaster_time <= timedelta(seconds=2)
    assert first.times > 10
    script = jobs.bursts[0]
    assert script.before.time <= incident.jobs.script_time <= script.item.time


def lane(*sizes: int) -> Lane:
    changes = tuple(
        WalSegment("0" * 16, number, 0, f"{number}", size, BEGIN + timedelta(seconds=number))
        for number, size in enumerate(sizes)
    )
    return Lane("x", "x", (), changes)


def test_usual_sizes_are_no_burst() -> None:
    assert bursts_of([lane(*range(100, 200))]) == ()
    assert bursts_of([lane()]) == ()


def test_a_lane_of_a_few_changes_has_no_usual_size() -> None:
    assert bursts_of([lane(*[10] * (FEW - 2), 10_000)]) == ()
    assert len(bursts_of([lane(*[10] * (FEW - 1), 10_000)])) == 1


def test_what_begins_a_lane_is_no_burst() -> None:
    assert bursts_of([lane(1_000_000, *[10] * FEW)]) == ()


def test_only_the_largest_are_told_and_the_largest_first() -> None:
    sizes = [10] * 50
    for number in range(MOST + 3):
        sizes[5 * number + 3] = int(10 * MANY_TIMES) + number
    found = bursts_of([lane(*sizes)])
    assert [burst.item.size for burst in found] == [int(10 * MANY_TIMES) + MOST + 2 - i for i in range(MOST)]
    assert all(burst.before.size == 10 for burst in found)


def test_sizes_of_nothing_do_no_harm() -> None:
    assert bursts_of([lane(*[0] * 40, 100)])[0].times == 100
