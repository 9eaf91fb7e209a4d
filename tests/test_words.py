"""Sizes, lengths of time and moments as operators read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from sqlite_recovery_tui import words

MOMENT = datetime(2026, 3, 26, 22, 2, 31, 250_000, UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3_355_443, "3.2 MiB"),
        (5 << 50, "5.0 PiB"),
    ],
)
def test_sizes(count: int | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0004, "1 ms"),
        (0.0204, "20 ms"),
        (0.42, "0.4 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (2465, "41 min 05 s"),
        (14460, "4 h 01 min"),
        (86400 * 3 + 4 * 3600, "3 d 04 h"),
        (-5, "-5 s"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert words.span(seconds) == text


def test_ages_look_both_ways() -> None:
    assert words.ago(MOMENT - timedelta(minutes=41), MOMENT) == "41 min ago"
    assert words.ago(MOMENT + timedelta(seconds=3), MOMENT) == "in 3 s"
    assert words.ago(MOMENT, MOMENT) == "now"


def test_times_are_utc_and_cut_to_seconds_unless_asked_for() -> None:
    assert words.rfc3339(MOMENT) == "2026-03-26T22:02:31Z"
    assert words.rfc3339(MOMENT, fraction=True) == "2026-03-26T22:02:31.250000Z"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-03-26 22:02:31Z"),
        ("Europe/Rome", "2026-03-26 22:02:31Z (23:02:31 local)"),
        ("Asia/Tokyo", "2026-03-26 22:02:31Z (2026-03-27 07:02:31 local)"),
    ],
)
def test_both_zones_with_the_day_where_it_differs(
    zone: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert words.both_zones(MOMENT) == text
    finally:
        monkeypatch.undo()
        time.tzset()
