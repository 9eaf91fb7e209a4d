"""The work directory is one restore's alone, and what it says is never taken for another file's state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import RecoverError, RefusedError, Unreachable
from sqlite_recovery_tui.formats.lz4 import BLOCK_BYTES
from sqlite_recovery_tui.replica import chain
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore import image, work
from sqlite_recovery_tui.restore.image import Checkpoint
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import AtTime, Latest
from sqlite_recovery_tui.restore.work import Journal, WorkDir, base_identity, changes_identity, replace_text
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.generation_writer import GenerationWriter
from tests.support.listings import at, timeline

# --- the directory and its lock -------------------------------------------------------------------------


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.db"


def a_plan(listing: str = "S0@0 0.0@1 0.20@2", seconds: float | None = None) -> Plan:
    target = Latest() if seconds is None else AtTime(at(seconds))
    return make_plan(timeline(listing), target, database=None, replica="r", url="memory://r")


def test_it_lies_beside_the_output_for_us_alone(output: Path) -> None:
    before = os.umask(0)
    try:
        directory = WorkDir(output)
        directory.save(Journal("base"))
    finally:
        os.umask(before)
    assert directory.path == output.parent / ".out.db.sqlrecover"
    assert directory.path.stat().st_mode & 0o7777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.path.iterdir()} == {0o600}
    directory.remove()
    directory.close()
    assert list(output.parent.iterdir()) == []


def test_a_second_restore_to_the_same_place_is_refused_while_the_first_runs(output: Path) -> None:
    first = WorkDir(output)
    with pytest.raises(RefusedError, match=r"another restore to .* is running"):
        WorkDir(output)
    other = WorkDir(output.with_name("other.db"))
    other.close()
    first.close()
    WorkDir(output).close()


def test_another_process_is_refused_as_well(output: Path) -> None:
    held = WorkDir(output)
    script = (
        "import sys; from pathlib import Path; from sqlite_recovery_tui.errors import RefusedError\n"
        "from sqlite_recovery_tui.restore.work import WorkDir\n"
        "try:\n    WorkDir(Path(sys.argv[1]))\nexcept RefusedError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, output], capture_output=True, text=True, check=True)
    assert "another restore" in done.stdout
    held.close()


def test_who_waits_at_the_door_of_a_removed_directory_makes_a_new_one(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = WorkDir(output)
    real = work.fcntl.flock
    calls = []

    def leave_first(fd: int, how: int) -> None:
        if not calls:
            leaving.remove()
            leaving.close()
        calls.append(how)
        real(fd, how)

    monkeypatch.setattr(work.fcntl, "flock", leave_first)
    entering = WorkDir(output)
    assert len(calls) == 2
    entering.save(Journal("base"))
    with pytest.raises(RefusedError, match="another restore"):
        WorkDir(output)
    entering.close()


def test_a_lock_is_kept_until_everything_else_is_gone(output: Path) -> None:
    directory = WorkDir(output)
    for name in ("database", "journal", "segments.pack", "zzz"):
        (directory.path / name).write_text("x")
    (directory.path / "folder").mkdir()
    (directory.path / "folder" / "file").write_text("x")
    seen: list[set[str]] = []
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.name == "lock":
            seen.append({item.name for item in directory.path.iterdir()})
        real(path, missing_ok)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        directory.remove()
    directory.close()
    assert seen == [{"lock"}]
    assert not directory.path.exists()


# --- what somebody else may have put there --------------------------------------------------------------


def test_a_link_in_its_place_is_refused_and_not_followed(output: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / ".out.db.sqlrecover").symlink_to(elsewhere)
    with pytest.raises(RefusedError, match="not a directory of our own"):
        WorkDir(output)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o755, 0o1777])
def test_a_directory_that_others_may_enter_is_refused(mode: int, output: Path, tmp_path: Path) -> None:
    planted = tmp_path / ".out.db.sqlrecover"
    planted.mkdir()
    planted.chmod(mode)
    with pytest.raises(RefusedError, match="not a directory of our own"):
        WorkDir(output)
    assert list(planted.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a directory away")
def test_a_directory_of_somebody_else_is_refused(output: Path, tmp_path: Path) -> None:
    planted = tmp_path / ".out.db.sqlrecover"
    planted.mkdir(mode=0o700)
    os.chown(planted, 65534, 65534)
    with pytest.raises(RefusedError, match="not a directory of our own"):
        WorkDir(output)


def test_a_file_in_its_place_is_named(output: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.db.sqlrecover").write_text("mine")
    with pytest.raises(RecoverError, match="cannot write beside"):
        WorkDir(output)
    assert (tmp_path / ".out.db.sqlrecover").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(RecoverError, match=r"cannot write beside /proc/out\.db"):
        WorkDir(Path("/proc/out.db"))


@pytest.mark.parametrize("name", ["lock", "database", "journal", "journal.new", "marks", "transaction"])
def test_links_planted_inside_are_not_followed(name: str, output: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder = tmp_path / ".out.db.sqlrecover"
    folder.mkdir(mode=0o700)
    (folder / name).symlink_to(victim)
    store, writer_states = replica(tmp_path)
    plan = make_plan(scan(store), Latest(), database=None, replica="r", url=store.url)
    try:
        restore(store, plan, RestoreOptions(output, memory_bytes=4096))
    except RecoverError:
        assert not output.exists()
    else:
        assert output.read_bytes() == writer_states[-1]
    assert victim.read_bytes() == b"precious"
    assert not victim.is_symlink()


# --- the journal ----------------------------------------------------------------------------------------

CHECKPOINT = Checkpoint(10, 4096, 7)


@pytest.fixture
def directory(output: Path) -> Iterator[WorkDir]:
    made = WorkDir(output)
    yield made
    made.close()


def fresh(plan: Plan) -> Journal:
    return Journal(base_identity(plan.url, plan.base))


def test_a_journal_is_taken_up_by_the_same_plan(directory: WorkDir) -> None:
    plan = a_plan()
    identity = changes_identity(plan.route)
    assert directory.load(plan.url, plan.base, identity) == fresh(plan)
    directory.database.touch()
    for journal in (
        replace(fresh(plan), checkpoint=CHECKPOINT),
        replace(fresh(plan), checkpoint=CHECKPOINT, complete=True),
        directory.applying(replace(fresh(plan), checkpoint=CHECKPOINT), identity, 17),
    ):
        directory.save(journal)
        assert directory.load(plan.url, plan.base, identity) == journal
        assert directory.database.exists()


@pytest.mark.parametrize("change", ["url", "key", "size", "time", "etag"])
def test_another_base_begins_anew(change: str, directory: WorkDir) -> None:
    plan = a_plan()
    directory.database.write_text("old")
    directory.marks.write_text("old")
    directory.save(replace(fresh(plan), checkpoint=CHECKPOINT))
    if change == "url":
        other = replace(plan, url="memory://other")
    else:
        values = {"key": "other", "size": 1, "time": at(99), "etag": "other"}
        route = replace(plan.route, base=replace(plan.base, **{change: values[change]}))
        other = replace(plan, route=route)
    assert directory.load(other.url, other.base, "identity") == fresh(other)
    assert sorted(path.name for path in directory.path.iterdir()) == ["lock"]


def test_other_changes_over_the_same_base_begin_anew_once_some_were_applied(directory: WorkDir) -> None:
    plan, other = a_plan(), a_plan(seconds=1)
    assert changes_identity(plan.route) != changes_identity(other.route)
    directory.database.touch()
    directory.save(replace(fresh(plan), checkpoint=CHECKPOINT, complete=True))
    assert directory.load(other.url, other.base, changes_identity(other.route)).complete
    directory.save(directory.applying(fresh(plan), changes_identity(plan.route), None))
    assert directory.load(other.url, other.base, changes_identity(other.route)) == fresh(other)
    assert not directory.database.exists()
    # Whatever is written now, the first plan must not find its journal again.
    directory.database.write_text("half of something else")
    assert directory.load(plan.url, plan.base, changes_identity(plan.route)) == fresh(plan)


def test_pages_applied_before_the_machine_went_down_are_not_trusted(
    directory: WorkDir, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = a_plan()
    directory.database.touch()
    directory.save(directory.applying(fresh(plan), changes_identity(plan.route), None))
    (tmp_path / "boot").write_text("another boot\n")
    monkeypatch.setattr(work, "_BOOT_ID", tmp_path / "boot")
    assert directory.load(plan.url, plan.base, changes_identity(plan.route)) == fresh(plan)


def test_a_journal_without_its_database_says_nothing(directory: WorkDir) -> None:
    plan = a_plan()
    directory.save(replace(fresh(plan), checkpoint=CHECKPOINT, complete=True))
    assert directory.load(plan.url, plan.base, "identity") == fresh(plan)


def test_a_journal_cut_short_or_garbled_says_nothing(directory: WorkDir) -> None:
    plan = a_plan()
    directory.save(replace(fresh(plan), checkpoint=CHECKPOINT))
    whole = (directory.path / "journal").read_text()
    for text in [
        *(whole[:length] for length in range(len(whole))),
        "[]",
        "null",
        "{}",
        '{"base": 1, "x": 2}',
        "\0",
    ]:
        directory.database.touch()
        (directory.path / "journal").write_text(text)
        assert directory.load(plan.url, plan.base, "identity") == fresh(plan), text


def test_a_journal_is_replaced_at_once(directory: WorkDir, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.save(Journal("old"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        directory.save(Journal("new"))
    monkeypatch.undo()
    assert json.loads((directory.path / "journal").read_text())["base"] == "old"
    directory.save(Journal("newer"))
    assert json.loads((directory.path / "journal").read_text())["base"] == "newer"


def test_text_is_written_over_no_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "file.new").symlink_to(victim)
    (tmp_path / "file").symlink_to(victim)
    replace_text(tmp_path / "file", "text")
    assert victim.read_text() == "precious"
    assert (tmp_path / "file").read_text() == "text"
    assert not (tmp_path / "file").is_symlink()


# --- interrupted restores, taken up by the same or by another plan --------------------------------------


class Failing(MemoryStore):
    """A remote store whose line is cut after so many bytes."""

    is_local = False

    def __init__(self) -> None:
        super().__init__("failing")
        self.left: int | None = None

    def _spend(self, data: bytes) -> bytes:
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                raise Unreachable("the line is cut", operation="get")
        return data

    def answers_ranges(self, key: str) -> bool:
        return False

    def get(self, key: str) -> bytes:
        return self._spend(super().get(key))

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        data = super().get(key)
        for at_byte in range(start, len(data), 64 << 10):
            yield self._spend(data[at_byte : at_byte + (64 << 10)])


def replica(tmp_path: Path, *, rows: int = 50, commits: int = 6) -> tuple[Failing, list[bytes]]:
    """A replica of a snapshot and some segments, one per ten seconds, with the state after each."""
    store = Failing()

    def keep(key: str, pieces: Iterable[bytes], time: object) -> int:
        data = b"".join(pieces)
        store.put(key, data)
        store.set_time(key, time)  # type: ignore[arg-type]
        return len(data)

    folder = tmp_path / "live"
    folder.mkdir(exist_ok=True)
    with GenerationWriter(folder / "app.db", keep, page_size=1024, keep_states=True) as writer:
        writer.connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        writer.connection.execute(
            f"WITH RECURSIVE n(v) AS (VALUES(1) UNION ALL SELECT v+1 FROM n WHERE v<{rows})"
            " INSERT INTO t SELECT v, randomblob(900) FROM n"
        )
        writer.new_generation(at(0))
        for number in range(1, commits + 1):
            writer.connection.execute("UPDATE t SET b = randomblob(900) WHERE a % 7 = ?", (number,))
            writer.connection.execute("INSERT INTO t(b) VALUES (randomblob(5000))")
            writer.ship(at(number * 10))
        states = {commit.time: commit.state or b"" for commit in writer.commits}
    return store, list(states.values())


def attempt(store: Failing, output: Path, seconds: float, left: int | None = None) -> RestoreResult:
    """One restore to a time, cut off after `left` bytes."""
    store.left = None
    plan = make_plan(scan(store), AtTime(at(seconds)), database=None, replica="r", url=store.url)
    store.left = left
    return restore(store, plan, RestoreOptions(output, memory_bytes=16 << 10, parallelism=1))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages be written behind every segment."""
    monkeypatch.setattr(chain, "BATCH_BYTES", 1)


@pytest.mark.usefixtures("small_batches")
def test_cut_off_anywhere_and_taken_up_by_another_plan_in_between(tmp_path: Path, output: Path) -> None:
    store, states = replica(tmp_path)
    for first in range(5_000, 120_000, 9_000):
        for second in (first // 2, first, 2 * first):
            outcomes = []
            for seconds, left in ((60, first), (30, second), (60, first), (20, None)):
                try:
                    attempt(store, output, seconds, left)
                except Unreachable:
                    outcomes.append("cut")
                    continue
                assert output.read_bytes() == states[seconds // 10], f"{seconds} after {outcomes} at {first}"
                output.unlink()
                outcomes.append("whole")
            assert outcomes[-1] == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["live"]


@pytest.mark.usefixtures("small_batches")
def test_a_stale_journal_is_not_taken_for_the_half_file_of_another_plan(tmp_path: Path, output: Path) -> None:
    store, states = replica(tmp_path, rows=400)
    snapshot = next(size for size in [store.head(key).size for key in keys(store) if "/snapshots/" in key])
    with pytest.raises(Unreachable):
        attempt(store, output, 60, snapshot + 100_000)  # in the middle of applying
    journal = json.loads((tmp_path / ".out.db.sqlrecover" / "journal").read_text())
    assert journal["applying"]
    with pytest.raises(Unreachable):
        attempt(store, output, 30, snapshot // 2)  # in the middle of its snapshot
    attempt(store, output, 60)
    assert output.read_bytes() == states[6]


def keys(store: MemoryStore) -> list[str]:
    return [info.key for page in store.list() for info in page]


def test_fetched_segments_are_not_fetched_again(tmp_path: Path, output: Path) -> None:
    store, states = replica(tmp_path)
    total = sum(store.head(key).size for key in keys(store))
    with pytest.raises(Unreachable):
        attempt(store, output, 60, total - 1)
    result = attempt(store, output, 60)
    assert result.objects_reused == 5
    assert output.read_bytes() == states[6]


def test_a_snapshot_is_taken_up_where_it_was_journaled(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "JOURNAL_BYTES", 1)
    store, states = replica(tmp_path, rows=33_000, commits=0)  # eight blocks
    snapshot = next(store.head(key).size for key in keys(store) if "/snapshots/" in key)
    for share in (0.9, 0.3):
        with pytest.raises(Unreachable):
            attempt(store, output, 0, int(snapshot * share))
    result = attempt(store, output, 0)
    assert output.read_bytes() == states[0]
    assert result.bytes_fetched < snapshot - 2 * BLOCK_BYTES
