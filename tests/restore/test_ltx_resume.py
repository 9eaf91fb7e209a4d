"""An LTX restore that was cut off goes on from what it had, and takes nothing of another plan for its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import Cancelled, Unreachable
from sqlite_recovery_tui.formats.ltx.pages import room_pages
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.restore import ltx_base, ltx_changes, work
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import AtTxid
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.faults import WAIT_SECONDS, FaultyStore, Gate
from tests.support.ltx_world import World
from tests.support.shelf import plan_for
from tests.support.victims import Victims

pytestmark = pytest.mark.usefixtures("two_decoders")

PAGE = 4096
PIECE = 64 << 10
CHUNKS = 12
SIZE = CHUNKS * room_pages(PAGE)
ROOT = Path(__file__).resolve().parents[2]


class Remote(MemoryStore):
    """A remote store that counts what it gives, and whose line is cut after so many bytes."""

    is_local = False

    def __init__(self) -> None:
        super().__init__("remote")
        self.left: int | None = None
        self.given = 0

    def _give(self, data: bytes) -> bytes:
        if self.left is not None and len(data) > self.left:
            raise Unreachable("the line is cut", operation="get")
        if self.left is not None:
            self.left -= len(data)
        self.given += len(data)
        return data

    def answers_ranges(self, key: str) -> bool:
        return False

    def get(self, key: str) -> bytes:
        return self._give(super().get(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self._find("get", key)[1][start : start + length]

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        data = self._find("get", key)[1]
        for at in range(start, len(data), PIECE):
            yield self._give(data[at : at + PIECE])


@pytest.fixture(scope="module")
def world() -> World:
    """A base of several chunks, larger than what is read ahead, and changes all over it."""
    made = World(PAGE)
    chance = random.Random(3)
    pages = {page: chance.randbytes(3000) + bytes(PAGE - 3000) for page in range(1, SIZE + 1)}
    made.changes.append((SIZE, pages))
    made.states.append(dict(pages))
    made.store(9, 1, 1)
    for _ in range(8):
        made.commit(SIZE, set(chance.sample(range(1, SIZE + 1), 20)))
    return made


@pytest.fixture
def remote(world: World) -> Remote:
    store = Remote()
    for key, (data, moment) in world.shelf.objects.items():
        store.put(key, data)
        store.set_time(key, moment)
    return store


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a journal behind every chunk, and decode few files at once."""
    monkeypatch.setattr(ltx_base, "JOURNAL_BYTES", 1)
    monkeypatch.setattr(ltx_changes, "BATCH_FILES", 2)


def attempt(store: Store, output: Path, txid: int = 9, **how: object) -> RestoreResult:
    plan = plan_for(store, AtTxid(txid))
    return restore(store, plan, RestoreOptions(output, parallelism=1), **how)  # type: ignore[arg-type]


def cut_off(remote: Remote, output: Path, left: int, txid: int = 9) -> int:
    """Restore until the line breaks after `left` bytes; return how many there were."""
    before, remote.left = remote.given, left
    with pytest.raises(Unreachable) as caught:
        attempt(remote, output, txid)
    assert "goes on from what was fetched" in caught.value.hint
    assert not output.exists()
    remote.left = None
    return remote.given - before


def sizes(world: World) -> tuple[int, int]:
    """Return the bytes of the base and those of all changes."""
    base = len(world.shelf.data(world.shelf.keys("ltx/9")[0]))
    return base, sum(len(world.shelf.data(key)) for key in world.shelf.keys("ltx/0"))


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_changes_are_not_fetched_again(share: float, world: World, remote: Remote, tmp_path: Path) -> None:
    base, changes = sizes(world)
    first = cut_off(remote, tmp_path / "out.db", int(changes * share))
    before = remote.given
    result = attempt(remote, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == world.content(9)
    assert remote.given - before == base + changes - first
    assert result.objects_reused == [1, 4, 7][[0.2, 0.6, 0.95].index(share)]
    assert [path.name for path in tmp_path.iterdir()] == ["out.db"]


def test_the_base_is_taken_up_where_it_was_left(world: World, remote: Remote, tmp_path: Path) -> None:
    base, changes = sizes(world)
    cut_off(remote, tmp_path / "out.db", changes + base // 3)
    before = remote.given
    cut_off(remote, tmp_path / "out.db", base // 3)
    assert remote.given - before > base // 3 - 2 * PIECE
    before = remote.given
    result = attempt(remote, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == world.content(9)
    assert remote.given - before < 0.8 * base
    assert result.continuity == "proven"


def test_cut_off_anywhere_and_taken_up_by_another_plan_in_between(
    world: World, remote: Remote, tmp_path: Path
) -> None:
    output = tmp_path / "out.db"
    base, changes = sizes(world)
    for first in range(changes // 2, changes + base, base // 5):
        for second in (first, first // 2):
            outcomes = []
            for txid, left in ((9, first), (5, second), (9, first), (3, None)):
                remote.left = left
                try:
                    attempt(remote, output, txid)
                except Unreachable:
                    outcomes.append("cut")
                    continue
                assert output.read_bytes() == world.content(txid), f"{txid} after {outcomes} at {first}"
                output.unlink()
                outcomes.append("whole")
            assert outcomes[-1] == "whole"
            assert not list(tmp_path.iterdir())


class Killed(BaseException):
    """Stands for a kill: nothing behind it is carried out."""


def killed(
    store: Store, output: Path, phase: str, share: float, monkeypatch: pytest.MonkeyPatch, txid: int = 9
) -> None:
    """Restore until a phase has come so far, and leave everything as it lies."""

    def on_progress(report: Progress) -> None:
        if report.phase == phase and report.done >= share * (report.total or 1):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(work.WorkDir, "remove", lambda self: None)
        with pytest.raises(Killed):
            attempt(store, output, txid, progress=on_progress)


PLACES = [
    ("fetching changes", 0.5),
    ("fetching snapshot", 0.1),
    ("fetching snapshot", 0.7),
    ("writing to disk", 0),
]


@pytest.mark.parametrize(("phase", "share"), PLACES)
@pytest.mark.parametrize("is_local", [False, True])
def test_the_same_restore_finishes_what_was_killed(
    phase: str,
    share: float,
    is_local: bool,
    world: World,
    remote: Remote,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FaultyStore(remote, is_local=is_local)
    output = tmp_path / "out.db"
    killed(store, output, phase, share, monkeypatch)
    before = remote.given
    attempt(store, output)
    assert output.read_bytes() == world.content(9)
    assert [path.name for path in tmp_path.iterdir()] == ["out.db"]
    if phase == "writing to disk":
        assert remote.given - before < sum(sizes(world)) // 3 + (sizes(world)[1] if is_local else 0)


def test_pages_of_another_boot_are_not_trusted(
    world: World, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_BOOT_ID", tmp_path / "boot")
    for before, after in (("one\n", "another\n"), ("", "")):  # without a name, no boot is known again
        (tmp_path / "boot").write_text(before)
        killed(remote, tmp_path / "out.db", "fetching snapshot", 0.9, monkeypatch)
        (tmp_path / "boot").write_text(after)
        given = remote.given
        attempt(remote, tmp_path / "out.db")
        assert (tmp_path / "out.db").read_bytes() == world.content(9)
        assert remote.given - given == sizes(world)[0], "changes are kept, the base is read again"
        (tmp_path / "out.db").unlink()


def test_a_base_that_was_replaced_is_read_from_its_start(
    world: World, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(remote, tmp_path / "out.db", "fetching snapshot", 0.9, monkeypatch, 1)
    key = world.shelf.keys("ltx/9")[0]
    other = World(PAGE)
    other.commit(SIZE)
    remote.put(key, other.encoded(1, 1, SIZE, other.states[0]))
    attempt(remote, tmp_path / "out.db", 1)
    assert (tmp_path / "out.db").read_bytes() == other.content(1)


def test_a_journal_without_its_file_says_nothing(
    world: World, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(remote, tmp_path / "out.db", "fetching snapshot", 0.9, monkeypatch)
    (tmp_path / ".out.db.sqlrecover" / "database").unlink()
    attempt(remote, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == world.content(9)


def test_a_stale_journal_is_not_taken_for_the_file_of_another_plan(
    world: World, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second plan is killed before it has noted anything of its own."""
    killed(remote, tmp_path / "out.db", "fetching snapshot", 0.9, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(ltx_base, "JOURNAL_BYTES", 1 << 40)
        killed(remote, tmp_path / "out.db", "fetching snapshot", 0.9, monkeypatch, 4)
    attempt(remote, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == world.content(9)


def test_a_journal_that_is_garbled_says_nothing(
    world: World, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("", "{", "[]", "null", '{"mark": 1}', '{"mark": {}}', '{"mark": {"header": ""}}'):
        killed(remote, tmp_path / "out.db", "fetching snapshot", 0.5, monkeypatch)
        (tmp_path / ".out.db.sqlrecover" / "journal").write_text(text)
        attempt(remote, tmp_path / "out.db")
        assert (tmp_path / "out.db").read_bytes() == world.content(9)
        (tmp_path / "out.db").unlink()


@pytest.mark.parametrize("phase", ["fetching changes", "fetching snapshot"])
def test_a_process_that_was_killed_leaves_the_next_one_its_work(
    phase: str, mortal: Victims, world: World, tmp_path: Path
) -> None:
    url = world.shelf.write_to(tmp_path / "replica").as_uri()
    output = tmp_path / "out.db"
    assert mortal.run(url, str(output), phase, 0.5) == "killed"
    assert not output.exists()
    assert mortal.run(url, str(output), "never", 1) == "done"
    assert output.read_bytes() == world.content(9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.db", "replica"]


@pytest.mark.parametrize("phase", ["fetching changes", "fetching snapshot"])
def test_a_cancelled_restore_leaves_nothing(phase: str, remote: Remote, tmp_path: Path) -> None:
    token = CancelToken()

    def on_progress(report: Progress) -> None:
        if report.phase == phase and report.done > 0.3 * (report.total or 1):
            token.cancel()

    with pytest.raises(Cancelled):
        attempt(remote, tmp_path / "out.db", progress=on_progress, cancel=token)
    assert not list(tmp_path.iterdir())


class Silent(Remote):
    """Says nothing about one file; the look at a base's start is answered."""

    key = ""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    def get(self, key: str) -> bytes:
        if key == self.key:
            self.gate.wait()
        return super().get(key)

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        if key == self.key:
            self.gate.wait()
        yield from super().stream(key, start=start, chunk_bytes=chunk_bytes)


@pytest.mark.parametrize("which", ["ltx/9", "ltx/0"])
def test_a_silent_server_is_left_within_a_moment(which: str, world: World, tmp_path: Path) -> None:
    store = Silent()
    for key, (data, moment) in world.shelf.objects.items():
        store.put(key, data)
        store.set_time(key, moment)
    store.key = world.shelf.keys(which)[-1]
    token = CancelToken()
    cancelled_at = []

    def cancel() -> None:
        assert store.gate.entered.wait(WAIT_SECONDS)
        cancelled_at.append(time.monotonic())
        token.cancel()

    helper = threading.Thread(target=cancel)
    helper.start()
    try:
        plan = plan_for(store)
        with pytest.raises(Cancelled):
            restore(store, plan, RestoreOptions(tmp_path / "out.db"), cancel=token)
        assert time.monotonic() - cancelled_at[0] < WAIT_SECONDS / 2, "the server would be silent for longer"
    finally:
        store.gate.open()
        helper.join()
    assert not list(tmp_path.iterdir())
