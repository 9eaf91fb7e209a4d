"""Sizes, ages and moments read the same on every screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sqlite_recovery_tui.tui import phrases

NOW = datetime(2026, 3, 26, 14, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3_355_443, "3.2 MiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_binary_with_one_decimal(count: int, shown: str) -> None:
    assert phrases.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s ago"), (99, "99 s ago"), (41 * 60, "41 min ago"), (3 * 3600, "3 h ago"), (5 * 86400, "5 d ago"),
     (-90, "in 90 s")],
)  # fmt: skip
def test_an_age_has_one_unit(seconds: int, shown: str) -> None:
    assert phrases.age(NOW - timedelta(seconds=seconds), NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.31, "0.3 s"), (41.9, "41 s"), (62, "1 min 02 s"), (1800, "30 min"), (14460, "4 h 01 min"),
     (180_000, "2 d 2 h"), (864_000, "10 d")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: float, shown: str) -> None:
    assert phrases.seconds(seconds) == shown


def test_a_moment_that_must_not_be_misread_has_both_zones_and_its_age() -> None:
    shown = phrases.everywhere(NOW - timedelta(minutes=41), NOW)
    assert shown == "2026-03-26 13:22:12Z · 14:22:12 +0100 local · 41 min ago"
    late = NOW.replace(hour=23)
    assert phrases.everywhere(late, late).startswith("2026-03-26 23:03:12Z · 2026-03-27 00:03:12 +0100 local")


def test_distance_says_on_which_side() -> None:
    assert phrases.distance(2.0) == "2.0 s before the time asked for"
    assert phrases.distance(timedelta(seconds=-40)) == "40 s after the time asked for"
    assert phrases.distance(0) == "exactly the time asked for"


def test_counts_agree_with_their_noun() -> None:
    assert phrases.many(1, "segment") == "1 segment"
    assert phrases.many(12_000, "segment") == "12,000 segments"
