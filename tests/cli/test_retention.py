"""What the retention would remove is shown, and nothing is removed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.history import Entry
from sqlite_recovery_tui.history.ledger import Ledger
from tests.cli.conftest import Cli

NOW = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)
GENERATION = "0123456789abcdef"


def laid_out(folder: Path) -> Path:
    """Lay out, by their names, a snapshot and a segment every six hours of two days."""
    for index in range(8):
        time = NOW - timedelta(hours=48 - 6 * index)
        for key in (
            names.snapshot_key(GENERATION, index),
            names.segment_key(GENERATION, index, 0),
            f"sqlrecover/{GENERATION}/{index:08x}.json",
        ):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
            os.utime(path, (time.timestamp(), time.timestamp()))
    return folder


def test_what_would_go_is_listed_and_stays(cli: Cli, tmp_path: Path) -> None:
    url = laid_out(tmp_path / "replica").as_uri()
    before = sorted(path for path in tmp_path.rglob("*"))
    clock = FixedClock(NOW)
    answer = cli("retention", url, clock=clock)
    assert answer.code == 0
    assert [row[:3] for row in answer.rows()] == [
        ["file", GENERATION, "0"],
        ["file", GENERATION, "1"],
    ]
    assert "2 more chains in the next runs" in answer.err
    document = cli("retention", "-keep", "30h", "-json", url, clock=clock).document
    assert [item["index"] for item in document["removals"]] == [0, 1]
    assert document["removals"][0]["objects"] == [
        names.snapshot_key(GENERATION, 0),
        names.segment_key(GENERATION, 0, 0),
        f"sqlrecover/{GENERATION}/00000000.json",
    ]
    assert cli("retention", "-keep", "72h", url, clock=clock).rows() == []
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_what_was_proven_stays_and_it_is_said_why(cli: Cli, tmp_path: Path) -> None:
    url = laid_out(tmp_path / "replica").as_uri()
    Ledger.open().record(
        Entry(
            kind="drill",
            started=NOW - timedelta(hours=40),
            ended=NOW - timedelta(hours=40),
            url=url,
            position=f"{GENERATION}/00000001:00001038",
            point_time=NOW - timedelta(hours=41),
            outcome="ok",
            verdict="proven",
            integrity="ok",
        )
    )
    answer = cli("retention", "--dry-run", "-keep", "24h", url, clock=FixedClock(NOW))
    assert "the newest that was proven" in answer.out
    document = cli("retention", "-json", url, clock=FixedClock(NOW)).document
    assert [item["index"] for item in document["removals"]] == [0, 2]
    (kept,) = document["kept"]
    assert (kept["index"], kept["objects"], kept["why"]) == (1, 3, "the newest that was proven")
