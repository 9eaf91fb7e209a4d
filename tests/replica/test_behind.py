"""Behind is only what has really not been shipped; the limits that were set say how bad that is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.config.models import Threshold, Thresholds
from sqlite_recovery_tui.replica.behind import Behind, behind_live
from tests.support.listings import START, at


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (-100, Behind(timedelta(), "ok")),
        (0, Behind(timedelta(), "ok")),
        (3, Behind(timedelta(), "ok")),
        (4, Behind(timedelta(seconds=4), "ok")),
        (302, Behind(timedelta(seconds=302), "warn")),
        (2460, Behind(timedelta(minutes=41), "warn")),
        (3602, Behind(timedelta(seconds=3602), "fail")),
    ],
)
def test_what_was_changed_after_the_newest_point_is_behind(changed: float, expected: Behind) -> None:
    assert behind_live(START, at(changed), ReplicaConfig("s3", "s3")) == expected


def test_what_is_shipped_seldom_may_be_behind_for_longer() -> None:
    seldom = ReplicaConfig("s3", "s3", sync_interval=timedelta(minutes=10))
    assert behind_live(START, at(600), seldom) == Behind(timedelta(), "ok")
    assert behind_live(START, at(603), seldom).status == "ok"
    assert behind_live(START, at(901), seldom).status == "warn"


def test_the_limits_of_the_configuration_count() -> None:
    limits = Thresholds(behind=Threshold(warn=timedelta(seconds=10), fail=timedelta(seconds=20)))
    strict = ReplicaConfig("s3", "s3", thresholds=limits)
    assert [behind_live(START, at(seconds), strict).status for seconds in (9, 11, 21)] == [
        "ok",
        "warn",
        "fail",
    ]
