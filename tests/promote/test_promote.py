"""A promote puts the new state in production's place, whatever that is in, and keeps the way back."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.errors import NotFoundError, RefusedError, VerificationFailed
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.choice import Mode
from sqlite_recovery_tui.promote.plan import make_plan
from sqlite_recovery_tui.promote.run import Promote, PromoteResult, take_back
from tests.promote.conftest import make_database, state_of
from tests.support.sql_process import SqlProcess

MODES: tuple[Mode, ...] = ("online", "swap", "inject")


def promote(new: Path, live: Path, mode: Mode | None = None, **more: object) -> PromoteResult:
    return Promote(make_plan(new, live, mode=mode), **more).run(live.name)  # type: ignore[arg-type]


def names(folder: Path) -> set[str]:
    """Return what lies in a folder, undo points left out."""
    return {path.name for path in folder.iterdir() if ".undo-" not in path.name}


@pytest.mark.parametrize("wal", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_there_and_back_and_there_again(
    mode: Mode, wal: bool, tmp_path: Path, scratch: Path
) -> None:
    live = make_database(tmp_path / "app.db", "old", wal=wal)
    live.chmod(0o640)
    done = promote(scratch, live, mode)
    assert done.checked.verdict == "identical"
    assert state_of(live) == ("new", 400)
    assert names(tmp_path) == {"app.db", "scratch"}
    assert stat.S_IMODE(live.stat().st_mode) == 0o640
    assert done.undo is not None

    first = undo.find(Beside(live), None)
    assert first.folder == done.undo
    back = take_back(first, live, confirm="app.db")
    assert state_of(live) == ("old", 300)
    assert len(undo.points(Beside(live))) == 2

    again = undo.find(Beside(live), back.undo.name.rpartition(".undo-")[2] if back.undo else None)
    take_back(again, live, confirm="app.db")
    assert state_of(live) == ("new", 400)


def test_the_undo_point_has_the_very_last_commit_of_an_application_that_goes_on(
    production: Path, scratch: Path
) -> None:
    with SqlProcess(production) as application:
        application.rows("INSERT INTO t (state, body) VALUES ('old', 'old last')")
        done = promote(scratch, production)
        assert done.mode == "online"
        assert application.value("SELECT state || count(*) FROM t GROUP BY state") == "new400"
        application.rows("INSERT INTO t (state, body) VALUES ('new', 'new later')")
    assert state_of(production) == ("new", 401)
    assert done.undo is not None
    assert state_of(done.undo / "app.db") == ("old", 301)


def test_readers_in_a_transaction_keep_what_they_see_and_writers_wait_at_most(
    production: Path, scratch: Path
) -> None:
    with SqlProcess(production) as reader, SqlProcess(production) as other:
        reader.rows("BEGIN")
        assert reader.value("SELECT count(*) FROM t") == 300
        done = promote(scratch, production)
        assert reader.value("SELECT state || count(*) FROM t GROUP BY state") == "old300"
        assert other.value("SELECT state || count(*) FROM t GROUP BY state") == "new400"
        reader.rows("COMMIT")
        assert reader.value("SELECT count(*) FROM t") == 400
    assert done.checked.verdict == "sound" or done.checked.verdict == "identical"


class Application:
    """A process that reads or writes as fast as it can."""

    def __init__(self, kind: str, path: Path) -> None:
        command = [sys.executable, "-m", "tests.promote.application", kind, str(path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def news(self) -> str:
        """Wait until it has something new to tell."""
        assert self._process.stdout is not None
        return str(json.loads(self._process.stdout.readline()))

    def end(self) -> dict[str, Any]:
        """Let it end; return what it met."""
        output, _ = self._process.communicate()
        met: dict[str, Any] = json.loads(output.splitlines()[-1])
        return met


def test_nobody_ever_sees_a_mix_while_four_others_read_and_write(tmp_path: Path, production: Path) -> None:
    """Each row says which state it is of; a reader that sees two has seen a mix."""
    readers = [Application("read", production) for _ in range(2)]
    writers = [Application("write", production) for _ in range(2)]
    assert [reader.news() for reader in readers] == ["old", "old"]
    assert [writer.news() for writer in writers] == ["written", "written"]
    for name in ("one", "two", "three"):
        done = promote(make_database(tmp_path / f"{name}.db", name, rows=500), production)
        assert done.mode == "online"
        assert [reader.news() for reader in readers] == [name, name]
    met = [each.end() for each in (*readers, *writers)]
    assert [each["mixed"] for each in met] == [[], [], [], []]
    assert [each["errors"] for each in met] == [[], [], [], []]
    assert state_of(production)[0] == "three"


def test_a_missing_database_is_made_and_an_empty_one_filled(tmp_path: Path, scratch: Path) -> None:
    live = tmp_path / "app.db"
    done = promote(scratch, live)
    assert (done.mode, done.undo) == ("online", None)
    assert state_of(live) == ("new", 400)
    with closing(sqlite3.connect(live)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    empty = tmp_path / "empty.db"
    empty.touch()
    promote(scratch, empty)
    assert state_of(empty) == ("new", 400)


@pytest.mark.parametrize("mode", [None, "swap"])
def test_a_database_that_cannot_be_opened_is_kept_byte_for_byte(
    mode: Mode | None, production: Path, scratch: Path
) -> None:
    broken = bytes(100) + production.read_bytes()[100:]
    production.write_bytes(broken)
    Path(f"{production}-wal").write_bytes(b"left of it")
    done = promote(scratch, production, mode)
    assert done.mode == ("swap" if mode else "inject")
    assert state_of(production) == ("new", 400)
    assert done.undo is not None
    assert (done.undo / "app.db").read_bytes() == broken
    assert (done.undo / "app.db-wal").read_bytes() == b"left of it"
    with pytest.raises(RefusedError, match="cannot open"):
        take_back(undo.find(Beside(production), None), production, confirm="app.db")
    assert state_of(production) == ("new", 400)


def test_another_page_size_is_swapped_and_says_why(tmp_path: Path, production: Path) -> None:
    new = make_database(tmp_path / "new.db", "new", page_size=8192)
    plan = make_plan(new, production)
    assert plan.choice.mode == "swap"
    assert "page size changes from 4096 to 8192" in plan.choice.why
    with pytest.raises(RefusedError, match="page size"):
        make_plan(new, production, mode="online")
    Promote(plan).run("app.db")
    assert state_of(production) == ("new", 300)


def test_another_encoding_is_swapped(tmp_path: Path, production: Path) -> None:
    new = make_database(tmp_path / "new.db", "new", encoding="UTF-16le")
    assert make_plan(new, production).choice.mode == "swap"


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path, production: Path, scratch: Path) -> None:
    link = tmp_path / "current.db"
    link.symlink_to(production)
    for mode in ("online", "swap"):
        promote(scratch, link, mode)
        assert link.is_symlink()
        assert state_of(production) == ("new", 400)
    assert all(point.folder.parent == production.parent for point in undo.points(Beside(link)))


@pytest.mark.parametrize("wal", [True, False])
def test_a_swap_under_an_open_application_is_refused_by_pid_and_name(
    wal: bool, tmp_path: Path, scratch: Path
) -> None:
    live = make_database(tmp_path / "app.db", "old", wal=wal)
    with SqlProcess(live) as application:
        assert application.value("SELECT count(*) FROM t") == 300
        plan = make_plan(scratch, live, mode="swap")
        with pytest.raises(RefusedError, match=rf"python.*\(pid {application.pid}\)") as caught:
            Promote(plan).run("app.db")
        assert "--force-in-use" in caught.value.hint
        assert "lost" in caught.value.hint
        assert names(tmp_path) - {"app.db-wal", "app.db-shm"} == {"app.db", "scratch"}

        done = Promote(plan, force_in_use=str(application.pid)).run("app.db")
        assert application.value("SELECT count(*) FROM t") == 300, "it goes on with the old file"
    assert state_of(live)[0] == "new"
    assert done.undo is not None
    assert state_of(done.undo / "app.db") == ("old", 300)


def test_a_busy_database_is_given_up_after_the_wait_and_named(production: Path, scratch: Path) -> None:
    with SqlProcess(production) as application:
        application.rows("BEGIN IMMEDIATE")
        with pytest.raises(RefusedError, match=f"pid {application.pid}"):
            promote(scratch, production, wait_seconds=0.2)
    assert state_of(production) == ("old", 300)
    assert not undo.points(Beside(production))


def test_nothing_happens_without_the_typed_name(production: Path, scratch: Path) -> None:
    plan = make_plan(scratch, production)
    for typed in ("", "app", "APP.DB", str(production)):
        with pytest.raises(RefusedError, match="not confirmed"):
            Promote(plan).run(typed)
    assert state_of(production) == ("old", 300)


def test_a_plan_that_no_longer_holds_is_refused(production: Path, scratch: Path) -> None:
    plan = make_plan(scratch, production)
    with closing(sqlite3.connect(scratch)) as connection:
        connection.execute("UPDATE t SET body = 'x'")
        connection.commit()
    with pytest.raises(RefusedError, match="since the plan was made"):
        Promote(plan).run("app.db")
    assert state_of(production) == ("old", 300)


def test_a_damaged_file_is_not_promoted(production: Path, scratch: Path) -> None:
    content = bytearray(scratch.read_bytes())
    content[4096 * 3 : 4096 * 5] = os.urandom(8192)
    scratch.write_bytes(content)
    with pytest.raises(VerificationFailed, match="damaged"):
        make_plan(scratch, production)


def test_what_cannot_be_promoted_is_told(tmp_path: Path, production: Path, scratch: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no .*none\.db"):
        make_plan(tmp_path / "none.db", production)
    (tmp_path / "text").write_text("no database at all, but long enough to be looked at " * 10)
    with pytest.raises(RefusedError, match="no SQLite database"):
        make_plan(tmp_path / "text", production)
    with pytest.raises(RefusedError, match="the production database itself"):
        make_plan(production, production)
    with pytest.raises(RefusedError, match="does not exist"):
        make_plan(scratch, tmp_path / "nowhere" / "app.db")
    Path(f"{scratch}-wal").write_bytes(b"not in the file itself")
    with pytest.raises(RefusedError, match="changes that are not in"):
        make_plan(scratch, production)


def test_a_cancelled_promote_leaves_everything_as_it_was(tmp_path: Path, production: Path) -> None:
    new = make_database(tmp_path / "new.db", "new", rows=60_000)
    cancel = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.phase in ("writing", "staging"):
            cancel.cancel()

    before = production.read_bytes()
    for mode in MODES:
        cancel = CancelToken()
        with pytest.raises(Exception, match="cancelled"):
            Promote(make_plan(new, production, mode=mode), progress=stop, cancel=cancel).run("app.db")
        assert state_of(production) == ("old", 300)
        assert names(production.parent) == {"app.db"}
        assert not undo.points(Beside(production))
    assert production.read_bytes()[100:] == before[100:]


def test_the_plan_says_what_is_lost_and_won_by_table(production: Path, scratch: Path) -> None:
    with closing(sqlite3.connect(production)) as connection:
        connection.execute("CREATE TABLE late AS SELECT 1 AS x UNION SELECT 2")
        connection.commit()
    plan = make_plan(scratch, production)
    found = {table.table: (table.live_rows, table.new_rows, table.difference) for table in plan.tables}
    assert found == {"t": (300, 400, 100), "late": (2, None, -2)}
    assert (plan.lost_rows, plan.won_rows) == (2, 100)


def test_planning_changes_nothing(production: Path, scratch: Path) -> None:
    before = production.read_bytes(), names(production.parent)
    make_plan(scratch, production)
    assert (production.read_bytes(), names(production.parent)) == before


def test_two_promotes_of_one_database_exclude_each_other(production: Path, scratch: Path) -> None:
    from sqlite_recovery_tui.promote.beside import PromoteLock

    plan = make_plan(scratch, production)
    with PromoteLock(Beside(production)), pytest.raises(RefusedError, match="another process replaces"):
        Promote(plan).run("app.db")
    Promote(plan).run("app.db")
    assert state_of(production) == ("new", 400)


def test_cancelled_once_it_is_done_it_is_told_as_done(production: Path, scratch: Path) -> None:
    cancel = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.phase == "comparing":
            cancel.cancel()

    done = Promote(make_plan(scratch, production), progress=stop, cancel=cancel).run("app.db")
    assert done.checked.verdict == "unchecked"
    assert done.undo is not None
    assert state_of(production) == ("new", 400)


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_log_that_is_left_of_a_lost_database_is_not_given_up(
    is_empty: bool, suffix: str, tmp_path: Path, scratch: Path
) -> None:
    live = tmp_path / "app.db"
    if is_empty:
        live.touch()
    left = Path(f"{live}{suffix}")
    left.write_bytes(b"perhaps the only copy")
    with pytest.raises(RefusedError, match=r"move it away|is left of a database"):
        make_plan(scratch, live)
    assert left.read_bytes() == b"perhaps the only copy"
