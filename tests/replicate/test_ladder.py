"""When the log is folded in, and how hard it is tried."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sqlite_recovery_tui.replicate.ladder import Limits, Load, Rung, ladder

LIMITS = Limits()
QUIET = Load(frames=10, backfilled=0, file_bytes=50_000, page_size=4096, since_folded=5.0, since_tried=5.0)
FOLD = Rung(True, LIMITS.hold_seconds, False)


@pytest.mark.parametrize(
    ("load", "rung"),
    [
        (QUIET, Rung()),
        (replace(QUIET, since_folded=61.0), FOLD),
        (replace(QUIET, since_folded=61.0, backfilled=10), Rung()),
        (replace(QUIET, frames=1_000), FOLD),
        (replace(QUIET, frames=1_000, backfilled=1_000), Rung()),
        (replace(QUIET, frames=1_000, since_tried=0.9), Rung()),
        (replace(QUIET, frames=20_000), FOLD),
        (replace(QUIET, frames=20_000, since_folded=61.0), Rung(True, LIMITS.wait_seconds, False)),
        (replace(QUIET, file_bytes=500_000 * 4120 + 32), Rung(True, LIMITS.hold_seconds, True)),
        (
            replace(QUIET, frames=600_000, since_folded=61.0, file_bytes=600_000 * 4120 + 32),
            Rung(True, LIMITS.wait_seconds, True),
        ),
    ],
)
def test_each_step(load: Load, rung: Rung) -> None:
    assert ladder(load, LIMITS) == rung


def test_without_an_interval_only_the_size_counts() -> None:
    assert ladder(replace(QUIET, since_folded=1e9), Limits(interval_seconds=0)) == Rung()


def test_writers_are_never_held_for_longer_than_allowed() -> None:
    for frames in (0, 10, 5_000, 50_000, 5_000_000):
        for since in (0.0, 59.0, 61.0, 1e6):
            load = replace(QUIET, frames=frames, since_folded=since, file_bytes=32 + frames * 4120)
            assert ladder(load, LIMITS).hold_seconds <= LIMITS.wait_seconds
