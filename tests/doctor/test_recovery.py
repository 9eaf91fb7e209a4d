"""Whether a replica could be restored, since when that is proven, and whether it is quick enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui import config
from sqlite_recovery_tui.config import Threshold, Thresholds
from sqlite_recovery_tui.doctor.cost import Month, judge, project
from sqlite_recovery_tui.doctor.recovery import Proof, examine
from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState, scan_replica
from sqlite_recovery_tui.replica.health import Check
from tests.doctor.support import bad, by_name
from tests.support.corpus import Case, case


@pytest.fixture
def plain(tmp_path: Path) -> Case:
    return case("v03-plain", tmp_path)


def scanned(plain: Case) -> ReplicaState:
    return scan_replica(ReplicaRef(None, config.replica_from_url(plain.url)))


def looked(plain: Case, proof_age: timedelta | None = timedelta(days=1), **more: object) -> Iterator[Check]:
    now = plain.newest + timedelta(minutes=10)
    proof = None if proof_age is None else Proof(now - proof_age, True, "a full restore", plain.newest)
    return examine(more.pop("state", scanned(plain)), **{"now": now, "proof": proof, **more})  # type: ignore[arg-type]


def test_a_replica_that_was_proven_passes(plain: Case) -> None:
    found = by_name(looked(plain, budget=timedelta(minutes=1)))
    assert bad(found.values()) == {}
    assert "10 min ago" in found["newest point"].message
    assert found["proven"].message.startswith("1 d ago by a full restore, up to ")
    assert found["restore time"].message.endswith("; the budget is 1 min")
    assert {"coverage", "gaps"} <= set(found)


def test_a_replica_that_nobody_ever_restored(plain: Case) -> None:
    assert bad(looked(plain, None)) == {"proven": "warn"}
    assert bad(looked(plain, timedelta(days=8))) == {"proven": "warn"}


def test_limits_of_the_configuration_hold(plain: Case) -> None:
    state = scanned(plain)
    limits = Thresholds(proven_age=Threshold(fail=timedelta(hours=1)))
    strict = replace(state, ref=ReplicaRef(None, replace(state.ref.replica, thresholds=limits)))
    assert bad(looked(plain, state=strict)) == {"proven": "fail"}
    assert bad(looked(plain, None, state=strict)) == {"proven": "fail"}
    assert bad(looked(plain, timedelta(minutes=30), state=strict)) == {}


def test_a_replica_that_was_found_damaged(plain: Case) -> None:
    proof = Proof(plain.newest, False, "reading every object")
    check = by_name(looked(plain, proof=proof))["proven"]
    assert (check.status, check.message) == ("fail", "found damaged 10 min ago by reading every object")


def test_a_restore_that_takes_longer_than_it_may(plain: Case) -> None:
    check = by_name(looked(plain, budget=timedelta(milliseconds=1)))["restore time"]
    assert check.status == "fail"
    assert "more than the budget" in check.message
    assert "snapshot-interval" in check.hint


def test_a_hole_before_the_newest_state(plain: Case) -> None:
    min(plain.replica.glob("generations/*/wal/*_00000000.wal.lz4")).unlink()
    found = bad(looked(plain))
    assert found["gaps"] == "fail"
    assert found["restore time"] == "fail"


def test_a_replica_that_does_not_answer_has_nothing_else_to_say(tmp_path: Path) -> None:
    state = scan_replica(ReplicaRef(None, config.replica_from_url((tmp_path / "gone").as_uri())))
    (check,) = examine(state, now=state.as_of)
    assert (check.name, check.status) == ("reachable", "fail")


def test_what_a_month_costs_follows_from_the_intervals() -> None:
    replica = config.replica_from_url("s3://bucket/app")
    month = project(replica, held_bytes=10 << 30)
    assert month == Month(puts=2_592_000 + 30, lists=3 * 720, held_bytes=10 << 30)
    assert month.dollars == pytest.approx(12.96 + 0.00015 + 0.0108 + 0.23)
    assert judge(replica, month).status == "ok"
    slower = replace(replica, sync_interval=timedelta(seconds=10), retention=timedelta())
    assert project(slower) == Month(puts=259_200, lists=0, held_bytes=0)


def test_a_replica_that_is_dear_is_told_how_to_save() -> None:
    replica = replace(config.replica_from_url("s3://b/app"), sync_interval=timedelta(milliseconds=100))
    check = judge(replica, project(replica))
    assert check.status == "warn"
    assert "an estimated $129.6" in check.message
    assert "assuming $0.005 per 1,000 of both, $0.023 per GiB" in check.message
    assert check.hint == "a sync-interval of 1 s makes a tenth of the puts"


def test_prices_are_not_said_where_nobody_charges_them() -> None:
    folder = config.replica_from_url("file:///backups/app")
    assert "$" not in judge(folder, project(folder)).message
    other = config.replica_from_url("s3://b/app?endpoint=https://s3.example.com")
    assert "not this provider's" in judge(other, project(other)).message
