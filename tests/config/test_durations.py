"""Durations and sizes mean what they mean to Litestream."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.config import parse_duration, parse_size
from tests.config.conftest import calm
from tests.support.litestream import litestream
from tests.support.process import output

GOOD = {
    "0": timedelta(0),
    "-0": timedelta(0),
    "1m30s": timedelta(seconds=90),
    "1.5h": timedelta(minutes=90),
    "100ms": timedelta(milliseconds=100),
    "1h30m": timedelta(minutes=90),
    "-1s": timedelta(seconds=-1),
    "+2s": timedelta(seconds=2),
    ".5s": timedelta(milliseconds=500),
    "1.s": timedelta(seconds=1),
    "1µs": timedelta(microseconds=1),
    "1μs": timedelta(microseconds=1),
    "3us": timedelta(microseconds=3),
    "1s1h": timedelta(hours=1, seconds=1),
    "720h": timedelta(days=30),
    "0.000000001s": timedelta(microseconds=1),
    "1ns": timedelta(microseconds=1),
    "-1ns": timedelta(microseconds=-1),
    "2562047h": timedelta(hours=2562047),
}
BAD = [
    "",
    "1",
    "s",
    ".",
    ".s",
    "1.5",
    "-",
    "+",
    "1 s",
    "1s ",
    "1sm",
    "7d",
    "2w",
    "1:30",
    "١s",
    "--1s",
    "1h-30m",
]
BAD += ["2562048h", "9" * 30 + "h", "1" * 5000 + "s", "1e3s", "0x1s", "1S", "PT1M"]


@pytest.mark.parametrize(("text", "meant"), GOOD.items())
def test_reads_what_go_writes(text: str, meant: timedelta) -> None:
    assert parse_duration(text) == meant


@pytest.mark.parametrize("text", BAD)
def test_refuses_what_go_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit|longer"):
        parse_duration(text)


@pytest.mark.parametrize("read", [parse_duration, parse_size])
@pytest.mark.parametrize("text", ["hunter2", "5hunter2", "hunter2s", "2hunter"])
def test_errors_do_not_repeat_the_text(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        read(text)
    assert "hunter" not in str(caught.value)


def test_says_how_to_write_days_and_weeks() -> None:
    with pytest.raises(ValueError, match="write 168h"):
        parse_duration("7d")
    with pytest.raises(ValueError, match="write 336h"):
        parse_duration("2w")


def accepts(binary: Path, file: Path, *texts: str) -> bool:
    entries = (
        f'{{path: /{n}, monitor-interval: "{text}", replicas: [path: /r]}}' for n, text in enumerate(texts)
    )
    file.write_text(f"dbs: [{', '.join(entries)}]", encoding="utf-8")
    code, _ = output([binary, "databases", "-config", file])
    return code == 0


@pytest.mark.parametrize("version", ["0.3.13", "0.5.17"])
def test_litestream_reads_them_too(version: str, config_file: Path) -> None:
    good = [text for text in GOOD if text not in ("0", "-0")]  # those are integers to YAML
    assert accepts(litestream(version), config_file, *good)  # type: ignore[arg-type]


def test_litestream_refuses_them_too(config_file: Path) -> None:
    binary = litestream("0.3.13")
    taken = [text for text in BAD if text not in ("", "1") and accepts(binary, config_file, text)]
    assert taken == []


@calm
@given(st.text(alphabet="0123456789.hmsuµn+- d", max_size=12) | st.text(max_size=6))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_duration(text), timedelta)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0", 0),
        ("512", 512),
        ("5MB", 5_000_000),
        ("5MiB", 5 << 20),
        ("64 MiB", 64 << 20),
        ("1.5GB", 1_500_000_000),
        ("1G", 10**9),
        ("1Gi", 1 << 30),
        ("100B", 100),
        ("1,000kb", 1_000_000),
        (" 8 kib ", 8192),
    ],
)
def test_reads_sizes(text: str, meant: int) -> None:
    assert parse_size(text) == meant


@pytest.mark.parametrize("text", ["", "MB", "5 apples", "-1MB", "1..5MB", "9" * 40, "16EiB", "5 M B"])
def test_refuses_other_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|larger"):
        parse_size(text)
