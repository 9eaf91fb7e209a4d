"""A snapshot that reaches beyond the frames laid over it is found out, with databases that SQLite wrote."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import product
from pathlib import Path

import apsw
import numpy as np
import pytest

from sqlite_recovery_tui.formats import lz4, wal
from sqlite_recovery_tui.replica.chain import Batch
from sqlite_recovery_tui.restore.mark import SnapshotMark, Verdict
from tests.support.generation_writer import GenerationWriter
from tests.support.listings import at

FORTY = "WITH RECURSIVE n(v) AS (VALUES(1) UNION ALL SELECT v+1 FROM n WHERE v<40)"


def rewritten(which: str) -> str:
    """A transaction whose frames hold the very pages that were there before."""
    change, back = (f"UPDATE t SET b = '{c}' || substr(b, 2) WHERE a {which}" for c in "x0")
    return f"BEGIN; {change}; {back}; COMMIT"


def changed(which: str, number: int) -> str:
    return f"UPDATE t SET b = printf('%0200d', {number}) WHERE a {which}"


def added(size: int) -> str:
    return f"INSERT INTO u VALUES (1, zeroblob({size}))"


HISTORIES: dict[str, list[str]] = {
    "rows added": [f"INSERT INTO t(b) VALUES (printf('%0{size}d', 1))" for size in (10, 400, 90, 3000, 20)],
    "rows changed": [changed(f"% 20 = {number}", number * 100) for number in (1, 9, 2, 17)],
    "the same rows changed again": [
        changed("< 9", 100),
        changed("< 5", 200),
        changed("< 9", 300),
        changed("> 5", 4),
    ],
    "written again as they were": [rewritten(which) for which in ("< 9", "> 0", "> 30", "< 20")],
    "there and back": [changed("= 7", number) for number in (9, 8, 9, 8, 7)],
    "there and back while it grows": [
        changed("= 7", 5),
        added(2000),
        changed("= 7", 6),
        added(900),
        changed("= 7", 5),
    ],
    "shrinking": ["DELETE FROM t WHERE a > 30", "VACUUM", added(10), "DELETE FROM t", "VACUUM"],
    "auto_vacuum=FULL": ["DELETE FROM t WHERE a > 20", added(9000), "DELETE FROM u", "DELETE FROM t"],
    "schema changes": [
        "CREATE TABLE v(a)",
        "INSERT INTO v VALUES (1)",
        "CREATE INDEX i ON t(b)",
        "DROP TABLE v",
    ],
}

Taken = tuple[int, int]
"""A snapshot by the checkpoint in front of it: commits it saw, and the reader's mark where it stopped."""


@dataclass
class History:
    """One WAL and the database after each of its commits; number 0 is where the WAL begins."""

    page_size: int
    header: wal.WalHeader
    frames: wal.Frames
    ends: list[int]
    """After how many frames each commit ends."""
    states: list[bytes]

    @property
    def last(self) -> int:
        return len(self.states) - 1

    @property
    def targets(self) -> range:
        return range(1, len(self.states))

    @cached_property
    def taken(self) -> list[Taken]:
        return [(saw, mark) for saw in range(len(self.states)) for mark in range(saw + 1)]

    def batch(self, start: int, end: int) -> Batch:
        """The frames of the commits behind number `start` up to number `end`."""
        offset = wal.HEADER_SIZE + self.ends[start] * self.header.frame_size
        return Batch(self.header, 0, offset, self.frames.slice(self.ends[start], self.ends[end]), ())

    def snapshot(self, taken: Taken) -> bytes:
        """The file behind a checkpoint that saw so many commits and stopped at a mark.

        Of each page only the newest image is copied, and only if it lies in front of the mark.
        """
        saw, mark = taken
        if saw == mark:
            return self.states[mark]
        newest = {
            page: frame for frame, page in enumerate(self.frames.pgno[: self.ends[saw]].tolist(), start=1)
        }
        held = {page: frame for page, frame in newest.items() if frame <= self.ends[mark]}
        return self._lay(self.states[0], held, None)

    def overlay(self, taken: Taken, target: int) -> bytes:
        """What laying the frames up to commit `target` over a snapshot gives."""
        end = self.ends[target]
        newest = {page: frame for frame, page in enumerate(self.frames.pgno[:end].tolist(), start=1)}
        return self._lay(self.snapshot(taken), newest, int(self.frames.commit[end - 1]))

    def reaches(self, taken: Taken, target: int) -> int | None:
        """Which state the overlay gives: the target's, a later one that was not shipped, or none at all."""
        result = self.overlay(taken, target)
        return next((n for n in range(target, len(self.states)) if result == self.states[n]), None)

    def _lay(self, base: bytes, frames: dict[int, int], pages: int | None) -> bytes:
        file, size = bytearray(base), self.page_size
        for page, frame in frames.items():
            file.extend(bytes(max(0, page * size - len(file))))
            file[(page - 1) * size : page * size] = self.frames.data[
                frame - 1, wal.FRAME_HEADER_SIZE :
            ].tobytes()
        return bytes(file) if pages is None else bytes(file[: pages * size].ljust(pages * size, b"\0"))


@contextmanager
def marked(folder: Path, of: History, taken: Taken) -> Iterator[SnapshotMark]:
    """A judge of a snapshot of the WAL's own index."""
    path = folder / "image"
    data = of.snapshot(taken)
    path.write_bytes(data)
    fd = os.open(path, os.O_RDWR)
    try:
        yield SnapshotMark(fd, of.page_size, 0, len(data) // of.page_size)
    finally:
        os.close(fd)


def ask(mark: SnapshotMark, of: History, target: int, known: int, *, complete: bool) -> Verdict:
    """The verdict when frames up to `target` are laid over it and those up to `known` are there."""
    verdict = mark.quick_verdict()
    if verdict is not None:
        return verdict
    if known > target:
        mark.see_beyond(of.batch(target, known))
    return mark.verdict(complete=complete)


def judge(folder: Path, of: History, taken: Taken, target: int, known: int, *, complete: bool) -> Verdict:
    with marked(folder, of, taken) as mark:
        mark.see(of.batch(0, target))
        return ask(mark, of, target, known, complete=complete)


class Objects(dict[str, bytes]):
    """What a writer ships, by key."""

    def keep(self, key: str, pieces: Iterable[bytes], _: datetime) -> int:
        self[key] = b"".join(pieces)
        return len(self[key])


@contextmanager
def a_writer(folder: Path, objects: Objects, *pragmas: str) -> Iterator[GenerationWriter]:
    """A writer that has begun a generation on a database with some rows."""
    with GenerationWriter(
        folder / "app.db", objects.keep, page_size=512, pragmas=pragmas, keep_states=True
    ) as writer:
        writer.connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(a, b);")
        writer.connection.execute(f"{FORTY} INSERT INTO t SELECT v, printf('%0200d', v) FROM n")
        writer.new_generation(at(0))
        yield writer


def history_of(writer: GenerationWriter, objects: Objects) -> History:
    """Ship the WAL so far and read it back."""
    writer.ship(at(1))
    frame_size = writer.page_size + wal.FRAME_HEADER_SIZE
    ends = [max(0, commit.position.offset - wal.HEADER_SIZE) // frame_size for commit in writer.commits]
    (data,) = (data for key, data in objects.items() if "/wal/" in key)
    raw = lz4.decompress(data, max_bytes=1 << 30)
    header = wal.parse_header(raw)
    frames = wal.split_frames(raw[wal.HEADER_SIZE :], header.page_size)
    assert wal.verify_frames(header, frames, header.checksum).fault == ""
    return History(header.page_size, header, frames, ends, [commit.state or b"" for commit in writer.commits])


def play(folder: Path, statements: Sequence[str], *pragmas: str) -> History:
    """Play statements, one commit each, all in one WAL."""
    objects = Objects()
    with a_writer(folder, objects, *pragmas) as writer:
        for statement in statements:
            writer.connection.execute(statement)
        history = history_of(writer, objects)
    assert history.targets == range(1, len(statements) + 1), "every statement is a commit with frames"
    return history


@pytest.fixture(scope="module", params=HISTORIES)
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> History:
    pragmas = [request.param] if "=" in request.param else []
    return play(tmp_path_factory.mktemp("history"), HISTORIES[request.param], *pragmas)


# --- never a torn database ------------------------------------------------------------------------------


def test_what_is_called_fine_is_the_target(history: History, tmp_path: Path) -> None:
    for taken, target in product(history.taken, history.targets):
        verdict = judge(tmp_path, history, taken, target, history.last, complete=True)
        if history.reaches(taken, target) != target:
            assert verdict in ("later", "unknown"), f"{taken} under the frames up to {target}"


def test_nor_is_a_mixture_called_anything_good_when_frames_behind_the_target_are_not_known(
    history: History, tmp_path: Path
) -> None:
    for taken, target in product(history.taken, history.targets):
        for known in range(target, history.last + 1):
            verdict = judge(tmp_path, history, taken, target, known, complete=False)
            what = f"{taken} under {target}, known up to {known}: {verdict}"
            reached = history.reaches(taken, target)
            assert verdict != "fine" or reached == target, what
            assert verdict != "same" or reached is not None, what


def test_some_of_these_are_mixtures(tmp_path: Path) -> None:
    made = play(tmp_path, HISTORIES["the same rows changed again"])
    mixed = [
        (taken, target)
        for taken, target in product(made.taken, made.targets)
        if made.reaches(taken, target) is None
    ]
    assert mixed, "or the tests above say nothing"
    assert all(mark > target for (_, mark), target in mixed)


# --- nor a good one refused -----------------------------------------------------------------------------


def test_a_snapshot_of_the_wals_start_is_never_called_torn(history: History, tmp_path: Path) -> None:
    for target in history.targets:
        assert judge(tmp_path, history, (0, 0), target, history.last, complete=True) != "later"
        assert judge(tmp_path, history, (0, 0), target, target, complete=False) != "later"


def test_all_frames_over_any_snapshot_are_never_called_torn(history: History, tmp_path: Path) -> None:
    for taken in history.taken:
        assert history.reaches(taken, history.last) == history.last
        assert judge(tmp_path, history, taken, history.last, history.last, complete=True) == "fine"


def test_a_snapshot_in_front_of_the_target_is_fine_when_all_frames_are_known(tmp_path: Path) -> None:
    for name in ("rows added", "rows changed", "the same rows changed again", "schema changes"):
        (tmp_path / name).mkdir()
        made = play(tmp_path / name, HISTORIES[name])
        for (saw, mark), target in product(made.taken, made.targets):
            if saw <= target:
                verdict = judge(tmp_path, made, (saw, mark), target, made.last, complete=True)
                assert verdict == "fine", f"{name}: {(saw, mark)} under {target}"


# --- what it rests on -----------------------------------------------------------------------------------


def test_what_the_snapshot_held_is_known_after_it_was_overwritten(history: History, tmp_path: Path) -> None:
    for taken, target in product(history.taken, history.targets):
        expected = judge(tmp_path, history, taken, target, history.last, complete=True)
        frames = history.batch(0, target)
        with marked(tmp_path, history, taken) as mark:
            mark.see(frames)
            pages = np.unique(frames.frames.pgno)
            mark.look(pages)
            mark.save(tmp_path / "marks")
            held = os.fstat(mark.fd).st_size // history.page_size
            for page in pages[pages <= held].tolist():
                os.pwrite(mark.fd, b"?" * history.page_size, (page - 1) * history.page_size)
            again = SnapshotMark(mark.fd, history.page_size, 0, 1)
            again.load(tmp_path / "marks")
            again.see(frames)
            again.look(pages[:2])
            assert ask(mark, history, target, history.last, complete=True) == expected
            assert ask(again, history, target, history.last, complete=True) == expected


def test_what_was_kept_is_the_old_or_the_new_also_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = play(tmp_path, HISTORIES["rows changed"])
    with marked(tmp_path, made, (2, 2)) as mark:
        mark.see(made.batch(0, 4))
        mark.look(np.array([2, 3], np.uint32))
        mark.save(tmp_path / "marks")
        before = (tmp_path / "marks").read_bytes()
        mark.look(np.unique(made.frames.pgno))

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                mark.save(tmp_path / "marks")
        assert (tmp_path / "marks").read_bytes() == before
        mark.save(tmp_path / "marks")
        assert len((tmp_path / "marks").read_bytes()) > len(before)


def test_checkpoints_leave_what_is_assumed_here(tmp_path: Path) -> None:
    """SQLite's own file behind a checkpoint that a reader stopped is the one these tests make."""
    for mark, saw in ((0, 2), (1, 2), (1, 3), (2, 4)):
        folder = tmp_path / f"{mark}-{saw}"
        folder.mkdir()
        objects = Objects()
        statements = HISTORIES["the same rows changed again"]
        with a_writer(folder, objects) as writer, closing(apsw.Connection(str(folder / "app.db"))) as reader:
            for number, statement in enumerate(statements[:saw]):
                if number == mark:
                    reader.execute("BEGIN; SELECT count(*) FROM t").fetchall()
                writer.connection.execute(statement)
            assert not writer.checkpoint("PASSIVE")
            taken = writer.snapshot(at(1), checkpoint=None)
            reader.execute("ROLLBACK")
            made = history_of(writer, objects)
        assert made.last == saw
        assert lz4.decompress(objects[taken.key], max_bytes=1 << 30) == made.snapshot((saw, mark))


def test_frames_of_other_wals_say_nothing(tmp_path: Path) -> None:
    made = play(tmp_path, HISTORIES["rows changed"])
    other = made.batch(0, made.last)
    with marked(tmp_path, made, (3, 3)) as mark:
        mark.see(Batch(other.header, 1, other.offset, other.frames, ()))
        mark.see(made.batch(0, 1))
        verdict = ask(mark, made, 1, 1, complete=False)
    assert verdict == judge(tmp_path, made, (3, 3), 1, 1, complete=False)
    assert verdict in ("later", "unknown")
