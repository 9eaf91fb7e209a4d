"""Whatever befalls the ledger, nobody who acts is stopped or lied to, and nothing that was kept is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import Cancelled, DamagedError, RefusedError, UsageError
from sqlite_recovery_tui.history import file, ledger, schema
from sqlite_recovery_tui.history.act import Act
from sqlite_recovery_tui.history.file import HistoryError
from sqlite_recovery_tui.history.ledger import Ledger
from tests.history.acts import MOMENT, URL, restored

ROOT = Path(__file__).parents[2]
RECORDS = """
import sys
from pathlib import Path
from sqlite_recovery_tui.history.ledger import Ledger
from tests.history.acts import restored
ledger = Ledger.open(Path(sys.argv[1]), warn=lambda words: sys.exit(words))
for number in range(int(sys.argv[2])):
    print(ledger.record(restored(number, error="x" * int(sys.argv[3]))), flush=True)
"""
FILLS = """
import resource, sys
from pathlib import Path
from sqlite_recovery_tui.history.ledger import Ledger
from tests.history.acts import restored
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, resource.RLIM_INFINITY))
print(Ledger.open(path, warn=print).record(restored(1, error="x" * 50_000)))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.1)


def start(path: Path, program: str = RECORDS, times: int = 1, size: int = 10) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", program, path, str(times), str(size)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@pytest.fixture
def locked(path: Path) -> Iterator[None]:
    """Let somebody else hold the ledger for as long as the test lasts."""
    Ledger.open(path).record(restored())
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


def test_processes_that_record_at_once_lose_nothing(path: Path) -> None:
    processes = [start(path, times=8) for _ in range(4)]
    ended = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, ended
    numbers = [int(line) for out, _ in ended for line in out.splitlines()]
    assert sorted(numbers) == list(range(1, 33))
    assert len(Ledger.open(path).entries()) == 32
    assert [each.name for each in path.parent.iterdir()] == ["history.db"]


def test_a_kill_in_the_middle_costs_at_most_the_record_that_was_being_written(path: Path) -> None:
    Ledger.open(path).record(restored())
    acknowledged = 1
    for after in (1, 3, 2, 5):
        process = start(path, times=1000, size=20_000)
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        process.kill()
        rest, _ = process.communicate()
        acknowledged += after + len(rest.splitlines())
        found = len(Ledger.open(path, warn=pytest.fail).entries())
        assert found >= acknowledged
        acknowledged = found
    assert sound(path)
    assert Ledger.open(path, warn=pytest.fail).record(restored()) == acknowledged + 1


@pytest.mark.usefixtures("locked", "impatient")
def test_a_ledger_that_somebody_holds_keeps_nobody_waiting(path: Path, said: list[str]) -> None:
    book = Ledger.open(path, warn=said.append)
    started = time.monotonic()
    with Act(book, "restore", url=URL) as act:
        act.begin()
        act.finish()
    assert book.last_proof(URL) is None
    book.checked(Path("/tmp/out.db"), "ok", {})
    with pytest.raises(HistoryError, match="locked") as failure:
        book.entries()
    assert failure.value.hint
    assert time.monotonic() - started < 8, "five times a tenth of a second, not five times two seconds"
    assert len(said) == 1, "it is said once"
    assert "locked" in said[0]


@pytest.mark.usefixtures("impatient")
def test_an_act_that_began_while_the_ledger_was_held_is_recorded_when_it_ends(
    path: Path, said: list[str]
) -> None:
    Ledger.open(path).record(restored())
    book = Ledger.open(path, warn=said.append)
    with Act(book, "verify", url=URL) as act:
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            act.begin()
        assert said
        act.finish(results={"objects": 3})
    assert [(entry.kind, entry.state) for entry in book.entries(kind="verify")] == [("verify", "ok")]


def test_a_full_disk_is_a_warning_and_leaves_the_ledger_whole(path: Path) -> None:
    Ledger.open(path).record(restored())
    process = start(path, FILLS)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    warning, number = out.splitlines()
    assert "cannot be used" in warning
    assert number == "None"
    assert sound(path)
    assert len(Ledger.open(path).entries()) == 1


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_broken_ledger_is_set_aside_and_a_new_one_begins(
    content: bytes, path: Path, said: list[str]
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    book = Ledger.open(path, warn=said.append)
    assert book.record(restored()) == 1
    assert book.record(restored(1)) == 2
    [kept] = path.parent.glob("history.db.broken-*")
    assert kept.read_bytes() == content
    assert len(said) == 1
    assert str(kept) in said[0]
    assert len(book.entries()) == 2


def test_a_page_that_rots_is_noticed_and_what_is_left_is_kept(path: Path, said: list[str]) -> None:
    book = Ledger.open(path, warn=said.append)
    for minute in range(40):
        book.record(restored(minute))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    assert book.record(restored()) is not None
    [kept] = path.parent.glob("history.db.broken-*")
    assert kept.stat().st_size == len(whole)
    assert book.last_proof(URL) is not None


def test_a_broken_ledger_is_set_aside_once_by_however_many(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 100)
    processes = [start(path, RECORDS.replace("sys.exit(words)", "None"), times=3) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    assert len(list(path.parent.glob("history.db.broken-*"))) == 1
    assert len(Ledger.open(path).entries()) == 12


def test_what_took_the_place_of_a_broken_ledger_is_not_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 100)
    broken = file.BrokenLedger(path, "file is not a database", path.stat().st_ino)
    assert file.set_aside(path, broken) is not None
    Ledger.open(path, warn=pytest.fail).record(restored())
    while path.stat().st_ino == broken.inode:  # a file system may use a number again at once
        path.with_name("other").write_bytes(path.read_bytes())
        path.with_name("other").replace(path)
    assert file.set_aside(path, broken) is None
    assert len(Ledger.open(path).entries()) == 1


@pytest.mark.parametrize("of", ["somebody else", "a later version"])
def test_a_file_that_is_not_for_us_is_left_alone(of: str, path: Path, said: list[str]) -> None:
    if of == "a later version":
        Ledger.open(path).record(restored())
        statement = f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}"
    else:
        path.parent.mkdir()
        statement = "CREATE TABLE theirs(x)"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    book = Ledger.open(path, warn=said.append)
    assert book.record(restored()) is None
    assert book.record(restored()) is None
    assert book.proofs(URL) == ()
    with pytest.raises(HistoryError, match="left alone"):
        book.entries()
    assert len(said) == 1
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["history.db"]


def test_an_older_ledger_is_brought_up_to_date_and_keeps_its_acts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(path).record(restored())
    later = [*schema.MIGRATIONS, lambda db: db.table("acts").add_column("mood", str)]
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    book = Ledger.open(path, warn=pytest.fail)
    assert [entry.asked for entry in book.entries()] == ["5 min ago"], "reading alone does it"
    with closing(sqlite3.connect(path)) as connection:
        assert "mood" in [row[1] for row in connection.execute("PRAGMA table_info(acts)")]
    assert book.record(restored(1)) == 2


@pytest.mark.parametrize("place", ["/proc/sqlrecover/history.db", "/dev/null/history.db"])
def test_a_place_that_cannot_be_written_is_a_warning(place: str, said: list[str]) -> None:
    book = Ledger.open(Path(place), warn=said.append)
    assert book.record(restored()) is None
    assert len(said) == 1
    assert place in said[0]
    assert book.entries() == []


def test_a_home_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert Ledger.open(warn=said.append).record(restored()) is None
    assert "no home directory" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_ledger_itself_reaches_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(ledger, "to_row", lambda _: 1 // 0)
    assert Ledger.open(path, warn=said.append).record(restored()) is None
    assert "ZeroDivisionError" in said[0]


def test_values_that_make_no_sense_are_left_out(path: Path) -> None:
    book = Ledger.open(path, warn=pytest.fail)
    book.record(restored())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE acts SET started = 'soon', ended = x'00', duration = 'long', pid = 'me', sources = x'ff',"
            " results = '{', outcome = 'fine', point_time = 7, host = x'80', proof = 'proven'"
        )
    [entry] = book.entries()
    assert entry.outcome is None
    assert (entry.ended, entry.duration, entry.pid, entry.sources, entry.results) == (None, None, 0, None, {})
    assert book.last_proof(URL) is not None
    assert entry.to_json()["state"] == "unfinished"


def test_a_pid_that_somebody_else_has_now_is_not_taken_for_ours(path: Path) -> None:
    book = Ledger.open(path)
    ours = restored(outcome=None)
    book.record(ours)
    book.record(restored(outcome=None, process="0123abcd-17"))
    book.record(restored(outcome=None, host="elsewhere"))
    assert [entry.state for entry in book.entries()] == ["unfinished", "interrupted", "running"]
    assert ours.pid == os.getpid()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DamagedError("a hole"), "damaged"),
        (RefusedError("it is there"), "refused"),
        (Cancelled("interrupted"), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
        (UsageError("no"), "failed"),
        (ValueError("secret in here"), "failed"),
    ],
)
def test_an_act_ends_as_what_ended_it_says(error: BaseException, outcome: str, path: Path) -> None:
    book = Ledger.open(path, warn=pytest.fail)

    def act() -> None:
        with Act(book, "restore", url=URL) as going_on:
            going_on.begin()
            raise error

    with pytest.raises(type(error)):
        act()
    [entry] = book.entries()
    assert entry.outcome == outcome
    assert entry.error
    assert "secret" not in entry.error
    assert entry.ended is not None
    assert entry.started > MOMENT
