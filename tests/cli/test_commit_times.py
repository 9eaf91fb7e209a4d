"""The command line tells when commits were made where that was noted, and which time counted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.restore.plan import COMMIT_TIME
from sqlite_recovery_tui.words import rfc3339
from tests.cli.conftest import Cli
from tests.support.commit_life import Life


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    try:
        made.live()
        yield made
    finally:
        made.close()


def test_the_command_line_goes_by_commits(life: Life, cli: Cli, tmp_path: Path) -> None:
    url = f"file://{life.write_to(tmp_path / 'replica')}"
    told, before = life.dated[3], life.dated[2]
    at = rfc3339(told.time - timedelta(microseconds=1), fraction=True)

    dry = cli("restore", "-dry-run", "-timestamp", at, "-o", tmp_path / "no.db", url)
    assert COMMIT_TIME in dry.out
    made = cli("restore", "--json", "-timestamp", at, "-o", tmp_path / "out.db", url).document
    assert (tmp_path / "out.db").read_bytes() == before.content
    assert (made["time_of"], made["time"]) == ("commit", rfc3339(before.time, fraction=True))

    listed = cli("timeline", "--json", "--commits", url).document["replicas"][0]["commits"]
    assert [point["time"] for point in listed] == [rfc3339(each.time, fraction=True) for each in life.dated]
    assert [point["position"] for point in listed] == [each.place.to_json() for each in life.dated]
    last = cli("timeline", "--json", "--commits", "--limit", 2, url).document["replicas"][0]
    assert last["commits"] == listed[-2:]
    assert "points" not in last
    assert "whose time was noted" in cli("timeline", "--commits", url).out

    segments = cli("wal", "--json", "--commits", url).document["segments"]
    noted = [time for segment in segments for time in segment["commits"] or ()]
    assert sorted(noted) == sorted(rfc3339(each.time, fraction=True) for each in life.dated)
    assert [segment["commits"] is None for segment in segments].count(True) == 1
    assert "first made" in cli("wal", "--commits", url).out
    assert "commits" not in cli("wal", "--json", url).document["segments"][0]

    check = next(
        item
        for item in cli("check", "--json", url).document["replicas"][0]["checks"]
        if item["name"] == "commits"
    )
    assert check["message"].startswith("commits are dated one by one in 5 of 6 WALs")

    shutil.rmtree(tmp_path / "replica" / "sqlrecover")
    plain = cli("check", "--json", url).document["replicas"][0]["checks"]
    assert "commits" not in [item["name"] for item in plain]
    assert cli("timeline", "--json", "--commits", url).document["replicas"][0]["commits"] == []
