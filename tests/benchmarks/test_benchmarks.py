"""The measurements measure what they say, on a replica small enough for a test."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks import tasks
from tests.benchmarks.measure import Comparison, Contender, Figures, Result, compare, markdown
from tests.benchmarks.replica import build, build_listing
from tests.support.litestream import litestream


def test_every_tool_restores_the_same_database(tmp_path: Path) -> None:
    litestream("0.3.13"), litestream("0.5.17")
    build(tmp_path, megabytes=2, segments=60)
    stored = list((tmp_path / "bucket").rglob("*.lz4"))
    assert len(stored) == 61
    database = (tmp_path / "app.db").stat().st_size
    snapshot = next(path for path in stored if path.name.endswith(".snapshot.lz4")).stat().st_size
    assert 0.4 < snapshot / database < 0.6
    outcome = tasks.restore(tasks.on_files(tmp_path), 2, 1, floor=True)
    assert [result.failure for result in outcome.results] == ["", "", "", ""]


def test_a_listing_has_all_objects(tmp_path: Path) -> None:
    build_listing(tmp_path, 150)
    assert len(list((tmp_path / "bucket").rglob("*.lz4"))) == 150
    outcome = tasks.listing(tasks.on_files(tmp_path), 1)
    assert [result.failure for result in outcome.results] == ["", ""]


def test_a_run_that_fails_or_gives_the_wrong_result_is_no_figure(tmp_path: Path) -> None:
    def wrong() -> None:
        raise RuntimeError("differs")

    contenders = [
        Contender("broken", [sys.executable, "-c", "raise SystemExit('out of luck')"]),
        Contender("wrong", [sys.executable, "-c", ""], wrong),
        Contender("right", [sys.executable, "-c", "bytes(60_000_000)"]),
    ]
    outcome = compare("three", contenders, 2, tmp_path)
    assert [result.failure for result in outcome.results] == ["failed: out of luck", "failed: differs", ""]
    assert len(outcome.results[2].runs) == 2


def test_peak_memory_is_the_child_s_own(tmp_path: Path) -> None:
    ballast = bytearray(b"x") * 250_000_000
    small = [sys.executable, "-S", "-c", ""]
    large = [sys.executable, "-S", "-c", "bytearray(b'x') * 100_000_000"]
    outcome = compare("peaks", [Contender("small", small), Contender("large", large)], 1, tmp_path)
    first, second = (result.peak_bytes for result in outcome.results)
    assert len(ballast) > second
    assert first < 50_000_000 < 100_000_000 < second


def test_table_shows_medians_and_ratios_to_the_first() -> None:
    def result(name: str, *seconds: float) -> Result:
        return Result(name, [Figures(each, 1.0, 2_000_000) for each in seconds])

    race = Comparison("race", [result("ours", 1.0, 9.0, 2.0), result("litestream 0.3.13", 5.0)])
    lines = race.table().splitlines()
    assert lines[0] == "race"
    assert "2.000 s  (1.000-9.000)" in lines[1]
    assert "2.50x" in lines[2]
    assert markdown([race], "2 cores", 3).splitlines()[-1] == "| race | 2.5× |  | 2 MB |"
