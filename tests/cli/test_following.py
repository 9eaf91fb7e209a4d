"""`restore -f` says how a copy stands, goes on from one that is there, and ends in order or fails."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.cli.main import run
from sqlite_recovery_tui.clock import FixedClock
from tests.cli.conftest import Answer, Cli
from tests.support.following import Levels
from tests.support.shelf import START


class Stopper(io.StringIO):
    """A stdout that has the process interrupted once it was told a word so many times."""

    def __init__(self, word: str = "lag", times: int = 1) -> None:
        super().__init__()
        self._word = word
        self._left = times

    def write(self, text: str, /) -> int:
        self._left -= self._word in text
        if self._left == 0:
            self._left = -1
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


class TerminalStopper(Stopper):
    def isatty(self) -> bool:
        return True


def follow(*words: object, out: Stopper | None = None) -> Answer:
    """Follow until the state was told once."""
    out, err = out or Stopper(), TerminalStopper() if isinstance(out, TerminalStopper) else io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["restore", "-f", "-follow-interval=1ms", *map(str, words)])
    return Answer(code, out.getvalue(), err.getvalue())


def documents(answer: Answer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.out.splitlines()]


@pytest.fixture
def levels(tmp_path: Path) -> Iterator[Levels]:
    made = Levels(tmp_path / "primary", FixedClock(START))
    yield made
    made.close()


@pytest.fixture
def url(levels: Levels) -> str:
    return levels.replica.as_uri()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def _rows(file: Path) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


def test_a_copy_is_made_told_and_left_in_order(levels: Levels, url: str, out: Path) -> None:
    answer = follow("-o", out, url)
    assert (answer.code, answer.err) == (0, "")
    first, *_, told, last = answer.out.splitlines()
    assert first == f"restored  {url} to {out}"
    where = f"TXID {levels.writer.txid:016x} of 2026-03-26T10:00:00Z, lag "
    assert where in told
    assert f"stopped: {out} holds {where}" in last
    assert _rows(out) == 20


def test_each_change_is_a_document_of_one_line(levels: Levels, url: str, out: Path) -> None:
    restored, state, stopped = documents(follow("-json", "-o", out, url))
    assert [restored["event"], state["event"], stopped["event"]] == ["restored", "state", "stopped"]
    assert restored["position"] == state["position"] == {"txid": f"{levels.writer.txid:016x}"}
    assert {"output": str(out), "url": url}.items() <= state.items()
    assert {"time", "lag_seconds", "last_poll", "behind", "updates", "problems"} <= state.keys()


def test_a_copy_that_is_there_is_gone_on_from(levels: Levels, url: str, out: Path) -> None:
    follow("-o", out, url)
    levels.grow(7)
    answer = follow("-o", out, url, out=Stopper(times=1))
    assert answer.out.startswith(f"going on  {url} to {out}, from TXID 0000000000000002 of")
    assert _rows(out) == 27
    resumed, *_ = documents(follow("-json", "-o", out, url))
    assert resumed["event"] == "resumed"
    assert resumed["position"] == {"txid": f"{levels.writer.txid:016x}"}


def test_force_begins_anew_and_keeps_what_was_there(levels: Levels, url: str, out: Path) -> None:
    out.write_bytes(b"something else")
    refused = follow("-o", out, url)
    assert (refused.code, out.read_bytes()) == (7, b"something else")
    answer = follow("-force", "-o", out, url)
    assert answer.code == 0
    assert "undo" in answer.out
    assert _rows(out) == 20


def test_a_copy_of_another_replica_is_refused(levels: Levels, url: str, out: Path, tmp_path: Path) -> None:
    follow("-o", out, url)
    other = shutil.copytree(levels.replica, tmp_path / "other")
    answer = follow("-o", out, other.as_uri())
    assert answer.code == 7
    assert f"follows {url}, not {other.as_uri()}" in answer.err


def test_a_copy_somebody_wrote_to_is_left_alone(levels: Levels, url: str, out: Path) -> None:
    follow("-o", out, url)
    with closing(sqlite3.connect(out)) as connection, connection:
        connection.execute("DELETE FROM t")
    answer = follow("-o", out, url)
    assert answer.code == 7
    assert "written to by somebody else" in answer.err
    assert _rows(out) == 0


def test_a_hole_ends_it_with_the_failure(levels: Levels, url: str, out: Path) -> None:
    follow("-o", out, url)
    lost = levels.grow()
    levels.grow()
    levels.key(0, lost).unlink()
    answer = follow("-max-lag=30ms", "-o", out, url, out=Stopper("never"))
    assert answer.code == 4
    assert "is missing at every level" in answer.out + answer.err
    assert "behind its replica" in answer.err
    *_, last = documents(follow("-json", "-max-lag=30ms", "-o", out, url, out=Stopper("never")))
    assert last["error"]["code"] == 4
    assert "behind its replica" in last["error"]["message"]


def test_a_terminal_has_a_line_that_tells_how_it_stands(levels: Levels, url: str, out: Path) -> None:
    answer = follow("-o", out, url, out=TerminalStopper())
    assert answer.code == 0
    shown = [part for part in answer.err.split("\r\x1b[2K") if part]
    assert any(part.startswith(url[:40]) for part in shown)
    assert all(len(part) < 80 and "\n" not in part for part in shown)
    assert answer.err.endswith("\r\x1b[2K")


def test_of_several_replicas_the_one_it_began_with_is_followed(
    levels: Levels, out: Path, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    older = shutil.copytree(levels.replica, tmp_path / "older")
    levels.clock.sleep(1)
    levels.grow()
    config = configured(levels.writer.database, first=older, second=levels.replica)
    begun, *_ = documents(follow("-json", "-config", config, "-o", out, "app.db"))
    assert begun["replica"] == "second"
    shutil.copytree(levels.replica, older, dirs_exist_ok=True)
    levels.grow()
    answer = follow("-config", config, "-o", out, "app.db")
    assert "second" in answer.out.splitlines()[0]
    assert _rows(out) == 30
    assert follow("-config", config, "-replica", "first", "-o", out, "app.db").code == 7


@pytest.mark.parametrize(
    "words",
    [
        "-txid 2",
        "-timestamp 10:30",
        "-index 1",
        "-index 1 -offset 2",
        "-generation 0123456789abcdef",
        "-dry-run",
        "-nearest",
        "-to-last-good",
        "-if-db-not-exists",
        "-integrity-check quick",
    ],
)
def test_what_does_not_go_with_following_is_said(words: str, cli: Cli, url: str, out: Path) -> None:
    answer = cli("restore", "-f", *words.split(), "-o", out, url)
    assert answer.code == 2
    assert f"-f and {words.split(maxsplit=1)[0]} exclude one another" in answer.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-follow-interval 1s", "-follow-interval goes with -f"),
        ("-max-lag 1s", "-max-lag goes with -f"),
        ("-f -max-lag 0", "-max-lag has to be more than nothing"),
        ("-f -follow-interval 0s", "-follow-interval has to be more than nothing"),
        ("-f -follow-interval=-1s", "-follow-interval has to be more than nothing"),
        ("-f -follow-interval 1", "'1' is no good"),
    ],
)
def test_times_that_make_no_sense(words: str, message: str, cli: Cli, url: str, out: Path) -> None:
    answer = cli("restore", *words.split(), "-o", out, url)
    assert answer.code == 2
    assert message in answer.err


def test_nothing_to_follow_yet(cli: Cli, tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty").mkdir()
    url = (tmp_path / "empty").as_uri()
    assert cli("restore", "-f", "-o", out, url).code == 3
    assert cli("restore", "-f", "-if-replica-exists", "-o", out, url).code == 0
