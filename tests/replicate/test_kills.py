"""A follower that is killed at any moment goes on where it was, or says why it cannot; nothing is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.daemon import wait_until
from tests.support.file_sink import replay
from tests.support.followed import App, Followed, copy_of, rows
from tests.support.hostile import ROOT, load

KILLS = 50 if os.environ.get("SOAK") else 5


def test_it_may_be_killed_at_any_moment(
    database: Path, tmp_path: Path, follow: Callable[..., Followed]
) -> None:
    with App(database) as made:
        made.do("PRAGMA journal_mode=wal", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        made.do("CREATE TABLE pairs(n)", "CREATE TABLE others(n)")
    kept = tmp_path / "kept"
    rng = random.Random(4)
    with load(database, 600, ("pairs", "pairs", "app", "reader")):
        wait_until(lambda: bool(rows(copy_of(database), "SELECT 1 FROM pairs")), "a pair is written")
        for number in range(KILLS):
            process = start(database, kept)
            try:
                assert process.stdout is not None
                assert process.stdout.readline().strip() in (b"began", b"resumed", b"waiting")
                time.sleep(rng.random() * 0.5)
            finally:
                process.kill()
                process.communicate()
            state = replay(kept)[0]
            assert rows(state.image, "PRAGMA integrity_check") == [("ok",)], number
            pairs, others = (
                rows(state.image, f"SELECT count(*) FROM {name}") for name in ("pairs", "others")
            )
            assert pairs == others, number  # one transaction each
    process = start(database, kept)
    process.communicate(b"", timeout=60)
    sink = replay(kept)[0]
    with App(database) as app:
        assert (
            app.value("SELECT count(*) FROM pairs")
            == rows(sink.image, "SELECT count(*) FROM pairs")[0][0]
            > 0
        )
    last = follow(sink=sink)
    last.follower.start()
    assert last.equals_live()
    assert set(sink.reasons) <= {"new", "down", "chain"}


def start(database: Path, kept: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.file_sink", str(database), str(kept)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
