"""The measurements measure what they say, on a replica small enough for a test."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.benchmarks import ltx_replica, tasks
from tests.benchmarks.console import Budget, Budgets, console
from tests.benchmarks.differences import differences
from tests.benchmarks.measure import Comparison, Contender, Figures, Result, compare, markdown
from tests.benchmarks.relay import relay
from tests.benchmarks.replica import build, build_listing
from tests.benchmarks.throughput import Rates, Throughput, measure
from tests.support.litestream import litestream

SYNCS = 40


@pytest.fixture(scope="module")
def ltx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ltx")
    ltx_replica.build(folder, 2, SYNCS, litestream("0.5.17"))
    return folder


def test_a_comparison_of_two_databases_counts_what_differs(tmp_path: Path) -> None:
    outcome = differences(tmp_path / "diff", 1, rows=9_991)
    assert not outcome.failed, outcome.table()


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


def test_litestream_itself_wrote_a_file_for_each_commit(ltx: Path) -> None:
    files = {path.name: path.stat().st_size for path in (ltx / ltx_replica.FILES / "ltx" / "0").iterdir()}
    whole, *changes = [files[name] for name in sorted(files)]
    assert len(changes) == SYNCS
    assert max(changes) < 60_000 < whole
    assert len(list((ltx / ltx_replica.FILES / "ltx" / "9").iterdir())) == 1
    assert sorted(path.name for path in (ltx / ltx_replica.S3).iterdir()) == ["0000", "0009"]


def test_both_tools_restore_what_litestream_wrote(ltx: Path) -> None:
    outcomes = [tasks.restore_ltx(tasks.on_files(ltx), 2, 1)]
    with tasks.on_s3(ltx, tasks.LTX_ON_S3) as place:
        outcomes.append(tasks.restore_ltx(place, 2, 1))
    assert [result.failure for outcome in outcomes for result in outcome.results] == [""] * 4


def test_a_look_is_compared_with_restores_in_bytes_that_were_sent(ltx: Path) -> None:
    with tasks.on_s3(ltx, tasks.LTX_ON_S3) as place:
        outcome = tasks.preview(place, 2, 1)
    assert [result.failure for result in outcome.results] == [""] * 3
    look, ours, theirs = (result.fetched_bytes or 0 for result in outcome.results)
    stored = sum(path.stat().st_size for path in (ltx / ltx_replica.S3).rglob("0*/*.ltx"))
    base = (ltx / ltx_replica.S3 / "0009" / f"{1:016x}-{1:016x}.ltx").stat().st_size
    needed = stored - base  # level 0 has the whole database as well, which nobody reads
    assert 0 < look < ours < 1.2 * needed
    assert theirs > needed
    assert "MB fetched" in outcome.table()


def test_a_relay_counts_what_comes_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.recv(100)
                connection.sendall(bytes(1_000_000))

        thread = threading.Thread(target=answer)
        thread.start()
        with relay(f"http://127.0.0.1:{server.getsockname()[1]}") as between:
            with socket.create_connection(("127.0.0.1", between.server_address[1])) as client:
                client.sendall(b"please")
                found = b"".join(iter(lambda: client.recv(1 << 16), b""))
            assert len(found) == between.received == 1_000_000
        thread.join()


def test_throughput_is_that_of_every_page_of_every_kind_of_file() -> None:
    found = measure(2, pages=100)
    assert len(found) == 6
    assert all(len(rates) == 2 and min(rates) > 0 for rates in found.values())
    table = Throughput([Rates("frames", [100.0, 900.0, 200.0])]).table()
    assert "200 MB/s  (100-900)" in table


def test_the_console_is_pressed_while_it_works(tmp_path: Path) -> None:
    listing, restored = tmp_path / "listing", tmp_path / "restored"
    listing.mkdir()
    restored.mkdir()
    build_listing(listing, 150)
    build(restored, megabytes=2, segments=60)
    found = console(listing, restored, 1, keys=10)
    values = {budget.name: budget.value for budget in found.budgets}
    assert len(values) == 6
    assert 0 < values["key to screen, median"] <= values["key to screen, 99th percentile"] < 10_000
    assert 30 < values["peak memory of its process"] < 1000
    assert found.table().count("x of idle") == 2
    slow = Budgets("slow", [Budget("end", "ms", 1000, 1500.0)])
    assert "✗" in slow.table()


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
    outcome = compare("three", contenders, 2, tmp_path)  # the first round of three does not count
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
