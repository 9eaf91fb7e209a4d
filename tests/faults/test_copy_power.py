"""A power cut at any moment of an update, whatever the disk had got round to, leaves one of its states."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from sqlite_recovery_tui.restore.live.copy import LiveCopy
from tests.support.copies import URL, Primary, begin, difference, mark, which
from tests.support.power import Disk, recorded

CUTS_PER_CALL = 3


@pytest.mark.parametrize("way", ["grows", "shrinks"])
def test_what_the_disk_holds_is_the_state_before_or_after(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = Primary(tmp_path / "primary.db", page_size=1024)
    primary.grow(20)
    primary.touch()
    if way == "shrinks":
        primary.shrink()
    primary.grow(4)
    primary.close()
    states = primary.states[1:]
    folder = tmp_path / "folder"
    folder.mkdir()
    rng = random.Random(way)
    cuts: list[tuple[Path, int]] = []
    with begin(folder, states[0]) as copy, recorded(folder, monkeypatch) as watchers:
        reached = 0

        def cut(now: Disk) -> None:
            for _ in range(CUTS_PER_CALL):
                made = tmp_path / f"cut{len(cuts)}"
                now.survive(made, rng)
                cuts.append((made, reached))

        watchers.append(cut)
        for number in range(1, len(states)):
            copy.apply(*difference(states[number - 1], states[number]), mark(number))
            reached = number
    monkeypatch.setattr(os, "fsync", lambda _: None)
    held = [_check(made, reached, states) for made, reached in cuts]
    assert len(cuts) > 50 * (len(states) - 1)
    assert set(held) == set(range(len(states)))


def _check(folder: Path, reached: int, states: list[bytes]) -> int:
    path = folder / "copy.db"
    left = folder / "copy.db-txid"
    txid = int(left.read_text(), 16) if left.exists() else None
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    held = which(path.read_bytes(), states)
    # What `apply` returned from is durable; what it had begun may be there as well.
    assert held in (reached, reached + 1)
    assert txid in (None, held + 1)
    with LiveCopy.open(path, url=URL) as copy:
        assert copy.mark == mark(held)
    shutil.rmtree(folder)
    return held
