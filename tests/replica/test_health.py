"""The named checks tell a replica to restore from from one that only looks like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import ReplicaConfig, Threshold, Thresholds
from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState, scan_replica
from sqlite_recovery_tui.replica.health import Check, Facts, Status, check_replica, check_timeline, worst
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder

NOW = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)
START = NOW - timedelta(hours=2)
GENERATION = "0123456789abcdef"


def timeline(
    *,
    segments: int = 10,
    snapshot: bool = True,
    without: tuple[int, ...] = (),
    step: timedelta = timedelta(minutes=1),
    end: datetime = NOW,
    others: tuple[str, ...] = (),
    later_snapshot: int | None = None,
) -> Timeline:
    """One generation with a WAL index per segment, the last one stored at `end`."""
    builder = TimelineBuilder()
    first = end - step * (segments - 1)
    if snapshot:
        builder.add(f"generations/{GENERATION}/snapshots/00000000.snapshot.lz4", 1000, first - step, None)
    if later_snapshot is not None:
        key = f"generations/{GENERATION}/snapshots/{later_snapshot:08x}.snapshot.lz4"
        builder.add(key, 1000, first + step * later_snapshot, None)
    for number in range(segments):
        if number not in without:
            key = f"generations/{GENERATION}/wal/{number:08x}_00000000.wal.lz4"
            builder.add(key, 100, first + step * number, None)
    for key in others:
        builder.add(key, 1, NOW, None)
    return builder.timeline()


def checks(
    of: Timeline,
    *,
    now: datetime = NOW,
    live: datetime | None = None,
    limits: Thresholds | None = None,
    interval: timedelta = timedelta(seconds=1),
) -> dict[str, Check]:
    facts = Facts(of, now, live, limits or Thresholds(), interval)
    return {check.name: check for check in check_timeline(facts)}


def test_a_good_replica_is_ok_throughout() -> None:
    found = checks(timeline(), live=NOW)
    assert {name: check.status for name, check in found.items()} == dict.fromkeys(
        ("snapshot", "fresh", "coverage", "gaps", "objects", "times"), "ok"
    )
    assert "10 min in 1 span since 2026-03-26 11:50:00Z" in found["coverage"].message


def test_segments_without_a_snapshot_cannot_be_restored() -> None:
    found = checks(timeline(snapshot=False))
    assert found["snapshot"].status == "fail"
    assert found["gaps"].status == "fail"
    assert "fresh" not in found


def test_an_empty_place_fails() -> None:
    found = checks(TimelineBuilder().timeline())
    assert found["snapshot"].status == "fail"


@pytest.mark.parametrize(
    ("behind", "status"),
    [
        (timedelta(seconds=-30), "ok"),
        (timedelta(minutes=5), "ok"),
        (timedelta(minutes=6), "warn"),
        (timedelta(minutes=61), "fail"),
    ],
)
def test_freshness_is_measured_against_the_live_database(behind: timedelta, status: Status) -> None:
    found = checks(timeline(end=START), live=START + behind)
    assert found["fresh"].status == status


def test_a_replica_that_ships_rarely_may_be_behind_by_as_much_more() -> None:
    behind = START + timedelta(hours=1, minutes=4)
    assert checks(timeline(end=START), live=behind, interval=timedelta(hours=1))["fresh"].status == "ok"
    assert checks(timeline(end=START), live=behind)["fresh"].status == "fail"


def test_an_idle_database_is_fresh_however_old_its_replica() -> None:
    long_ago = NOW - timedelta(days=30)
    found = checks(timeline(end=long_ago), live=long_ago)
    assert found["fresh"].status == "ok"
    assert "nothing changed since" in found["fresh"].message


@pytest.mark.parametrize(("age", "status"), [(timedelta(hours=23), "ok"), (timedelta(hours=25), "warn")])
def test_without_the_live_database_age_is_only_a_warning(age: timedelta, status: Status) -> None:
    found = checks(timeline(end=NOW - age))
    assert found["fresh"].status == status
    assert ("idle" in found["fresh"].hint) == (status == "warn")


@pytest.mark.parametrize("live", [None, NOW])
def test_a_configured_limit_takes_the_place_of_the_default(live: datetime | None) -> None:
    limits = Thresholds(behind=Threshold(fail=timedelta(seconds=10)))
    assert checks(timeline(end=NOW - timedelta(seconds=9)), live=live, limits=limits)["fresh"].status == "ok"
    assert (
        checks(timeline(end=NOW - timedelta(seconds=11)), live=live, limits=limits)["fresh"].status == "fail"
    )


def test_an_old_snapshot_is_named_when_a_limit_says_so() -> None:
    limits = Thresholds(snapshot_age=Threshold(warn=timedelta(minutes=5)))
    assert checks(timeline(), limits=limits)["snapshot"].status == "warn"
    assert checks(timeline())["snapshot"].status == "ok"


def test_a_hole_in_front_of_the_newest_state_fails() -> None:
    found = checks(timeline(without=(4,)))
    assert found["gaps"].status == "fail"
    assert "00000004" in found["gaps"].message
    assert "new snapshot" in found["gaps"].hint


def test_a_hole_that_a_later_snapshot_closes_is_a_warning() -> None:
    found = checks(timeline(without=(4, 6), later_snapshot=7))
    assert found["gaps"].status == "warn"


def test_foreign_objects_are_named() -> None:
    found = checks(timeline(others=("notes.txt", "ltx/0/x.ltx")))
    assert found["objects"].status == "warn"
    assert "2 objects" in found["objects"].message
    assert "notes.txt" in found["objects"].message


def test_times_that_fall_or_lie_ahead_or_are_all_one_are_suspect() -> None:
    assert "do not rise" in checks(timeline(step=-timedelta(minutes=1), end=START))["times"].message
    assert "future" in checks(timeline(end=NOW + timedelta(hours=1)))["times"].message
    copied = timeline(segments=20, step=timedelta(milliseconds=10))
    assert "one time" in checks(copied)["times"].message
    assert checks(timeline(segments=3, step=timedelta(milliseconds=10)))["times"].status == "ok"


def test_the_worst_status_wins() -> None:
    ok, warn, fail = (Check("name", status, "") for status in ("ok", "warn", "fail"))
    assert worst([]) == "ok"
    assert worst([ok, warn]) == "warn"
    assert worst([warn, fail, ok]) == "fail"


def test_a_replica_that_cannot_be_listed_is_one_failed_check(tmp_path: Path) -> None:
    ref = ReplicaRef(None, ReplicaConfig("file", "file", path=str(tmp_path / "gone")))
    state = scan_replica(ref)
    [check] = check_replica(state, now=NOW)
    assert (check.name, check.status) == ("reachable", "fail")
    assert check.hint


def test_a_listed_replica_takes_its_limits_from_the_configuration(tmp_path: Path) -> None:
    strict = Thresholds(behind=Threshold(fail=timedelta(seconds=10)))
    ref = ReplicaRef(None, ReplicaConfig("file", "file", path=str(tmp_path), thresholds=strict))
    state = ReplicaState(ref, timeline(end=NOW - timedelta(minutes=1)), None, NOW)
    found = {check.name: check.status for check in check_replica(state, now=NOW)}
    assert found["fresh"] == "fail"
    loose = Thresholds(behind=Threshold(fail=timedelta(hours=10)))
    found = {check.name: check.status for check in check_replica(state, now=NOW, limits=loose)}
    assert found["fresh"] == "ok"
