"""A time as people type it is understood in one way, or refused in words; never anything else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.restore.target import (
    AtPosition,
    AtTime,
    Latest,
    describe,
    format_seconds,
    format_utc,
    parse_time,
    to_json,
)
from tests.support.properties import examples

ROME, TOKYO = ZoneInfo("Europe/Rome"), ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 3, 26, 10, 30, 15, 500_000, UTC)
"""A Thursday; Rome is at UTC+1 and goes to UTC+2 on the 29th."""


def parse(text: str, zone: object = UTC, now: datetime = NOW) -> datetime:
    target = parse_time(text, now=now, zone=zone)  # type: ignore[arg-type]
    assert target.time.tzinfo is UTC
    assert target.text == text.strip()
    return target.time


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-26T10:30:00Z", utc(2026, 3, 26, 10, 30)),
        ("2026-03-26t10:30:00z", utc(2026, 3, 26, 10, 30)),
        ("2026-03-26 10:30:00Z", utc(2026, 3, 26, 10, 30)),
        ("2026-03-26 10:30:00 UTC", utc(2026, 3, 26, 10, 30)),
        ("2026-03-26T10:30Z", utc(2026, 3, 26, 10, 30)),
        ("2026-03-26T10:30:00.25Z", utc(2026, 3, 26, 10, 30, 0, 250_000)),
        ("2026-03-26T10:30:00,250Z", utc(2026, 3, 26, 10, 30, 0, 250_000)),
        ("2026-03-26T10:30:00.123456789Z", utc(2026, 3, 26, 10, 30, 0, 123_456)),
        ("2026-03-26T10:30:00+02:00", utc(2026, 3, 26, 8, 30)),
        ("2026-03-26T10:30:00+0200", utc(2026, 3, 26, 8, 30)),
        ("2026-03-26T10:30:00 -05:30", utc(2026, 3, 26, 16, 0)),
        ("2026-03-26 10:30", utc(2026, 3, 26, 10, 30)),
        ("2026-03-26 9:05", utc(2026, 3, 26, 9, 5)),
        ("2026-03-26", utc(2026, 3, 26)),
        ("  2026-03-26 10:30  ", utc(2026, 3, 26, 10, 30)),
        ("2024-02-29", utc(2024, 2, 29)),
        ("10:30", utc(2026, 3, 26, 10, 30)),
        ("10:30:15", utc(2026, 3, 26, 10, 30, 15)),
        ("10:30:15.5", utc(2026, 3, 26, 10, 30, 15, 500_000)),
        ("10:31", utc(2026, 3, 25, 10, 31)),
        ("10:30:15.500001", utc(2026, 3, 25, 10, 30, 15, 500_001)),
        ("9:00 UTC", utc(2026, 3, 26, 9, 0)),
        ("today 10:31", utc(2026, 3, 26, 10, 31)),
        ("yesterday 10:30", utc(2026, 3, 25, 10, 30)),
        ("Yesterday 9:00", utc(2026, 3, 25, 9, 0)),
        ("now", NOW),
        ("NOW", NOW),
        ("20 min ago", NOW - timedelta(minutes=20)),
        ("20min ago", NOW - timedelta(minutes=20)),
        ("1 h 30 min ago", NOW - timedelta(minutes=90)),
        ("1.5 hours ago", NOW - timedelta(minutes=90)),
        ("1 day, 2 hours ago", NOW - timedelta(hours=26)),
        ("90 s ago", NOW - timedelta(seconds=90)),
        ("2w ago", NOW - timedelta(weeks=2)),
        ("0 seconds ago", NOW),
        ("1774521015", utc(2026, 3, 26, 10, 30, 15)),
        ("@1774521015", utc(2026, 3, 26, 10, 30, 15)),
        ("1774521015.25", utc(2026, 3, 26, 10, 30, 15, 250_000)),
        ("1774521015250", utc(2026, 3, 26, 10, 30, 15, 250_000)),
        ("0001-01-01T00:00:00Z", utc(1, 1, 1)),
        ("9999-12-31T23:59:59.999999Z", utc(9999, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_every_usual_spelling(text: str, expected: datetime) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-26 10:30", ROME, utc(2026, 3, 26, 9, 30)),
        ("2026-07-01 10:30", ROME, utc(2026, 7, 1, 8, 30)),
        ("2026-07-01 10:30Z", ROME, utc(2026, 7, 1, 10, 30)),
        ("2026-03-26", TOKYO, utc(2026, 3, 25, 15, 0)),
        ("10:30", ROME, utc(2026, 3, 26, 9, 30)),
        ("11:31", ROME, utc(2026, 3, 25, 10, 31)),
        ("11:31 utc", ROME, utc(2026, 3, 25, 11, 31)),
        ("19:30", TOKYO, utc(2026, 3, 26, 10, 30)),
        ("19:31", TOKYO, utc(2026, 3, 25, 10, 31)),
        ("0:10", TOKYO, utc(2026, 3, 25, 15, 10)),
        ("yesterday 0:10", TOKYO, utc(2026, 3, 24, 15, 10)),
    ],
)
def test_times_without_a_zone_are_in_the_zone_that_is_given(
    text: str, zone: ZoneInfo, expected: datetime
) -> None:
    assert parse(text, zone) == expected


@contextmanager
def machine_in(zone: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


def test_without_a_zone_the_machines_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with machine_in("Europe/Rome", monkeypatch):
        assert parse("2026-03-26 10:30", None) == utc(2026, 3, 26, 9, 30)
        assert parse("2026-07-01 10:30", None) == utc(2026, 7, 1, 8, 30)
        assert parse("11:30", None) == utc(2026, 3, 26, 10, 30)
        assert parse("11:31", None) == utc(2026, 3, 25, 10, 31)


# Rome sets its clocks back on 2026-10-25: 02:00 to 03:00 comes twice, at 00:00Z and at 01:00Z,
# and forward on 2026-03-29: 02:00 to 03:00 is left out, at 01:00Z.


@pytest.mark.parametrize("local", [False, True])
def test_a_date_and_time_that_comes_twice_is_the_first_one(
    local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine_in("Europe/Rome", monkeypatch):
        zone = None if local else ROME
        assert parse("2026-10-25 02:30", zone) == utc(2026, 10, 25, 0, 30)
        assert parse("2026-10-25 02:30:00+01:00", zone) == utc(2026, 10, 25, 1, 30)
        assert parse("2026-10-25 03:00", zone) == utc(2026, 10, 25, 2, 0)


@pytest.mark.parametrize("local", [False, True])
def test_a_clock_time_is_the_last_time_the_clock_showed_it(
    local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine_in("Europe/Rome", monkeypatch):
        zone = None if local else ROME
        second_quarter_past_two = utc(2026, 10, 25, 1, 15)
        assert parse("2:10", zone, second_quarter_past_two) == utc(2026, 10, 25, 1, 10)
        assert parse("2:30", zone, second_quarter_past_two) == utc(2026, 10, 25, 0, 30)
        first_quarter_past_two = utc(2026, 10, 25, 0, 15)
        assert parse("2:10", zone, first_quarter_past_two) == utc(2026, 10, 25, 0, 10)
        assert parse("2:30", zone, first_quarter_past_two) == utc(2026, 10, 24, 0, 30)
        just_after_the_leap = utc(2026, 3, 29, 1, 10)
        assert parse("2:30", zone, just_after_the_leap) == utc(2026, 3, 28, 1, 30)
        assert parse("1:30", zone, just_after_the_leap) == utc(2026, 3, 29, 0, 30)
        afternoon = utc(2026, 10, 25, 14, 0)
        assert parse("2:30", zone, afternoon) == utc(2026, 10, 25, 1, 30)


@pytest.mark.parametrize("local", [False, True])
def test_a_time_that_was_left_out_is_as_long_after_midnight_as_it_says(
    local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine_in("Europe/Rome", monkeypatch):
        zone = None if local else ROME
        assert parse("2026-03-29 01:59:59", zone) == utc(2026, 3, 29, 0, 59, 59)
        assert parse("2026-03-29 02:30", zone) == utc(2026, 3, 29, 1, 30)
        assert parse("2026-03-29 03:00", zone) == utc(2026, 3, 29, 1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "yesterday",
        "an hour ago",
        "5 fortnights ago",
        "ago",
        "-5 min ago",
        "2026-13-01",
        "2026-02-30",
        "2026-02-29",
        "2026-03-26 10:60",
        "2026-03-26 10:30:60",
        "2026-03-26 10",
        "2026-3-26",
        "26.03.2026",
        "03/26/2026",
        "25:00",
        "10:5",
        "10.30",
        "1774521015x",
        "12345",
        "2026-03-26T10:30:00+99:00",
        "2026-03-26T10:30:00 CET",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "99999999999999999 days ago",
        "9999999 weeks ago",
        "1" * 5000 + " days ago",
        "１０:３０",
        "2026-03-26\x0010:30",
        "'; DROP TABLE t; --",
    ],
)
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    for zone in (UTC, ROME, None):
        with pytest.raises(UsageError) as caught:
            parse_time(text, now=NOW, zone=zone)
        assert "is not a time" in caught.value.message
        assert "20 min ago" in caught.value.hint


@pytest.mark.parametrize(
    "zone", [UTC, ROME, None, timezone(timedelta(hours=-12)), timezone(timedelta(hours=14))]
)
@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31 23:59", "0001-01-01 12:00", "99999999999"])
def test_the_ends_of_the_calendar_are_a_time_or_refused(text: str, zone: object) -> None:
    with suppress(UsageError):
        parse(text, zone)


_words = st.sampled_from(
    [
        "now",
        "today",
        "yesterday",
        "ago",
        "min",
        "weeks",
        "10:30",
        "2026-03-26",
        "+02:00",
        "1.5",
        *"s+-:.,@0259TZ",
    ]
)


@examples(600)
@given(
    st.one_of(
        st.text(max_size=40), st.lists(_words, max_size=8).map("".join), st.lists(_words).map(" ".join)
    ),
    st.sampled_from([UTC, ROME, TOKYO, None]),
    st.datetimes(timezones=st.just(UTC)),
)
@example("now", None, datetime.min.replace(tzinfo=UTC))
@example("yesterday 00:00", ROME, datetime.min.replace(tzinfo=UTC))
@example("23:59", TOKYO, datetime.max.replace(tzinfo=UTC))
def test_whatever_is_typed_gives_a_time_or_a_usage_error(text: str, zone: object, now: datetime) -> None:
    try:
        target = parse_time(text, now=now, zone=zone)  # type: ignore[arg-type]
    except UsageError:
        return
    assert isinstance(target, AtTime)
    assert target.time.tzinfo is UTC


@examples(300)
@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([UTC, ROME, TOKYO, None]))
def test_what_is_printed_is_read_back(moment: datetime, zone: object) -> None:
    assert parse(format_utc(moment), zone) == moment


@examples(200)
@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([ROME, TOKYO]),
)
def test_a_clock_time_lies_within_the_last_day_and_shows_it(now: datetime, zone: ZoneInfo) -> None:
    shown = (now - timedelta(hours=5)).astimezone(zone)
    found = parse(f"{shown:%H:%M}", zone, now)
    assert timedelta(0) <= now - found <= timedelta(hours=25)
    assert found.astimezone(zone).strftime("%H:%M") == shown.strftime("%H:%M")


def test_times_are_printed_in_utc_with_fractions_only_where_there_are_any() -> None:
    assert format_utc(utc(2026, 3, 26, 10, 30)) == "2026-03-26T10:30:00Z"
    assert format_utc(utc(2026, 3, 26, 10, 30, 0, 250_000)) == "2026-03-26T10:30:00.250000Z"
    assert format_utc(datetime(2026, 7, 1, 12, 0, tzinfo=ROME)) == "2026-07-01T10:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (2.5, "2.5"), (600, "600"), (0.0004, "0"), (1234567.8912, "1,234,567.891"), (100, "100")],
)
def test_lengths_are_printed_in_plain_digits(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


G = "0123456789abcdef"


@pytest.mark.parametrize(
    ("target", "words", "told"),
    [
        (Latest(), "the latest state", {"kind": "latest"}),
        (
            AtTime(utc(2026, 3, 26, 10, 30), "20 min ago"),
            "20 min ago (2026-03-26T10:30:00Z)",
            {"kind": "time", "time": "2026-03-26T10:30:00Z", "text": "20 min ago"},
        ),
        (
            AtTime(utc(2026, 3, 26, 10, 30)),
            "2026-03-26T10:30:00Z",
            {"kind": "time", "time": "2026-03-26T10:30:00Z", "text": None},
        ),
        (
            AtTime(utc(2026, 3, 26, 10, 30), "2026-03-26T10:30:00Z"),
            "2026-03-26T10:30:00Z",
            {"kind": "time", "time": "2026-03-26T10:30:00Z", "text": "2026-03-26T10:30:00Z"},
        ),
        (
            AtPosition(18),
            "the end of WAL 00000012",
            {"kind": "position", "generation": None, "index": 18, "offset": None},
        ),
        (
            AtPosition(18, 0x41038, G),
            f"position 00000012:00041038 of generation {G}",
            {"kind": "position", "generation": G, "index": 18, "offset": 0x41038},
        ),
        (
            AtPosition(0, 0, None),
            "the beginning of WAL 00000000",
            {"kind": "position", "generation": None, "index": 0, "offset": 0},
        ),
    ],
)
def test_a_target_is_said_in_words_and_in_json(target: object, words: str, told: dict[str, object]) -> None:
    assert describe(target) == words  # type: ignore[arg-type]
    assert to_json(target) == told  # type: ignore[arg-type]
