"""Pages come out as one SQLite checkpoint after each WAL would leave them, however they are buffered."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.replica.chain import Batch
from sqlite_recovery_tui.restore import apply
from sqlite_recovery_tui.restore.apply import PageWriter, write_all
from tests.support.properties import examples

PAGE = 512
HEADER = wal.WalHeader(PAGE, 0, 1, 2, (0, 0), False)
LARGE = 1 << 30

Frame = tuple[int, int]
"""Page number, and the database's size in pages when the frame ends a transaction, else 0."""


def image(tag: int) -> bytes:
    return struct.pack(">I", tag) * (PAGE // 4)


def batch(index: int, frames: list[Frame], first_tag: int, *, ends_index: bool = False) -> Batch:
    raw = b"".join(
        struct.pack(">6I", page, commit, 0, 0, 0, 0) + image(first_tag + number)
        for number, (page, commit) in enumerate(frames)
    )
    return Batch(HEADER, index, 32, wal.split_frames(raw, PAGE), (), ends_index)


def reference(base: bytes, wals: list[list[Frame]]) -> bytes:
    """The file after a checkpoint of each WAL in turn: newest image up to the last commit, then its size."""
    file = bytearray(base)
    tag = 1
    for frames in wals:
        commits = [number for number, (_, commit) in enumerate(frames) if commit]
        count = commits[-1] + 1 if commits else 0
        newest = {page: tag + number for number, (page, _) in enumerate(frames[:count])}
        size = frames[count - 1][1] if count else 0
        for page, of in newest.items():
            if page <= size:
                file.extend(bytes(max(0, page * PAGE - len(file))))
                file[(page - 1) * PAGE : page * PAGE] = image(of)
        if count:
            file = file[: size * PAGE].ljust(size * PAGE, b"\0")
        tag += len(frames)
    return bytes(file)


@contextmanager
def database(folder: Path, base: bytes = b"") -> Iterator[int]:
    path = folder / "database"
    path.write_bytes(base)
    fd = os.open(path, os.O_RDWR)
    try:
        yield fd
    finally:
        os.close(fd)


def write(
    folder: Path,
    base: bytes,
    wals: list[list[Frame]],
    *,
    memory: int = LARGE,
    cuts: Callable[[int], list[int]] = lambda _: [],
    look: apply.BeforeWrite | None = None,
) -> tuple[bytes, PageWriter]:
    """Run WALs through a writer, each cut into batches at `cuts` of its length."""
    spool = folder / "spool"
    spool.unlink(missing_ok=True)
    with database(folder, base) as fd:
        writer = PageWriter(fd, PAGE, memory_bytes=memory, spool=spool, before_write=look)
        tag = 1
        for index, frames in enumerate(wals):
            edges = [0, *sorted(set(cuts(len(frames)))), len(frames)]
            for start, end in pairwise(edges):
                ends = end == len(frames) and index + 1 < len(wals)
                writer.add(batch(index, frames[start:end], tag + start, ends_index=ends))
            tag += len(frames)
        writer.finish()
    return (folder / "database").read_bytes(), writer


frames = st.tuples(st.integers(1, 12), st.one_of(st.just(0), st.integers(1, 12)))
wals_of_frames = st.lists(st.lists(frames, min_size=1, max_size=14), min_size=1, max_size=4)


@examples(200)
@given(
    st.integers(0, 8),
    wals_of_frames,
    st.sampled_from([1, PAGE * 3, PAGE * 8, LARGE]),
    st.data(),
)
def test_any_frames_in_any_batches_with_any_memory(
    tmp_path: Path, pages: int, wals: list[list[Frame]], memory: int, data: st.DataObject
) -> None:
    base = b"".join(image(0xF0000000 + page) for page in range(pages))

    def cuts(length: int) -> list[int]:
        return data.draw(st.lists(st.integers(1, max(1, length - 1)), max_size=3)) if length > 1 else []

    result, writer = write(tmp_path, base, wals, memory=memory, cuts=cuts)
    assert result == reference(base, wals)
    assert writer.pages == next((c for f in reversed(wals) for _, c in reversed(f) if c), None)


@pytest.mark.parametrize("memory", [1, LARGE])
@pytest.mark.parametrize(
    ("wals", "expected"),
    [
        ([[(1, 0), (2, 2)]], [1, 2]),
        ([[(1, 1), (1, 1)]], [2]),
        ([[(2, 0), (1, 2), (2, 0)]], [2, 1]),
        ([[(1, 0), (2, 0)]], "base"),
        ([[(1, 3), (2, 0)], [(3, 3)]], [1, "b", 3]),
        ([[(1, 0), (9, 2)]], [1, "b"]),
        ([[(3, 1)], [(3, 3)]], ["b", 0, 2]),
        ([[(4, 4), (1, 1)], [(5, 5)]], [2, 0, 0, 0, 3]),
        ([[(4, 4), (1, 1), (2, 4)]], [2, 3, "b", 1]),
        ([[(2, 1)], [(3, 2)]], ["b", 0]),
    ],
    ids=[
        "one transaction",
        "the newest image wins",
        "the tail without a commit is dropped",
        "no commit at all",
        "what one WAL did not commit the next does not either",
        "a page beyond the size of its commit",
        "shrunk at one WAL's end, zero when it grows again",
        "shrunk and grown behind a WAL's end",
        "shrunk and grown inside one WAL",
        "shrunk, and grown without a page that counts",
    ],
)
def test_cases(tmp_path: Path, memory: int, wals: list[list[Frame]], expected: object) -> None:
    base = [image(0xB0000000 + page) for page in range(3)]
    result, _ = write(tmp_path, b"".join(base), wals, memory=memory, cuts=lambda n: list(range(1, n)))
    if expected == "base":
        assert result == b"".join(base)
        return
    assert isinstance(expected, list)
    pages = [base[at] if tag == "b" else image(tag) for at, tag in enumerate(expected)]
    assert result == b"".join(pages)


def test_runs_longer_than_one_call_takes(tmp_path: Path) -> None:
    count = 2 * apply.MAX_VECTORS + 7
    ascending = [(page, 0) for page in range(1, count)] + [(count, count)]
    scattered = [(page, 0) for page in range(count, 1, -2)] + [(1, count)]
    result, writer = write(tmp_path, b"", [ascending, scattered])
    assert result == reference(b"", [ascending, scattered])
    assert writer.written == count


def test_a_transaction_larger_than_memory_waits_in_the_spool_until_it_commits(tmp_path: Path) -> None:
    open_frames = [(page, 0) for page in range(1, 101)]
    with database(tmp_path) as fd:
        writer = PageWriter(fd, PAGE, memory_bytes=20 * PAGE, spool=tmp_path / "spool")
        for number in range(10):
            writer.add(batch(0, open_frames[number * 10 : number * 10 + 10], 1 + number * 10))
        assert os.fstat(fd).st_size == 0, "nothing is written before the commit"
        frame = PAGE + wal.FRAME_HEADER_SIZE
        assert (tmp_path / "spool").stat().st_size >= 80 * frame
        held = [part for part in writer._open if not isinstance(part.data, np.memmap)]
        assert sum(len(part) for part in held) <= 20
        writer.add(batch(0, [(101, 101)], 101))
        writer.finish()
    assert (tmp_path / "database").read_bytes() == b"".join(image(tag) for tag in range(1, 102))


def test_a_spooled_transaction_that_never_commits_leaves_nothing(tmp_path: Path) -> None:
    result, _ = write(
        tmp_path,
        image(7),
        [[(page, 0) for page in range(1, 60)]],
        memory=PAGE,
        cuts=lambda n: list(range(1, n)),
    )
    assert result == image(7)


def test_the_spool_is_used_again_for_the_next_large_transaction(tmp_path: Path) -> None:
    large = [[(page, 0) for page in range(1, 50)] + [(50, 50)] for _ in range(6)]
    result, _ = write(tmp_path, b"", large, memory=10 * PAGE, cuts=lambda n: list(range(5, n, 5)))
    assert result == reference(b"", large)
    assert (tmp_path / "spool").stat().st_size <= 50 * (PAGE + wal.FRAME_HEADER_SIZE)


def test_committed_frames_do_not_pile_up_beyond_memory(tmp_path: Path) -> None:
    with database(tmp_path) as fd:
        writer = PageWriter(fd, PAGE, memory_bytes=50 * PAGE, spool=tmp_path / "spool")
        for number in range(200):
            writer.add(batch(0, [(number + 1, number + 1)], number + 1))
            assert sum(len(part) for part in writer._committed) <= 50
        writer.finish()
    assert not (tmp_path / "spool").exists()
    assert (tmp_path / "database").read_bytes() == b"".join(image(tag) for tag in range(1, 201))


@examples(100)
@given(wals_of_frames, st.sampled_from([1, PAGE * 5, LARGE]))
@example([[(4, 4), (1, 1)], [(2, 2)]], 1)
def test_who_looks_before_a_write_sees_every_page_while_it_is_as_it_was(
    tmp_path: Path, wals: list[list[Frame]], memory: int
) -> None:
    base = b"".join(image(0xF0000000 + page) for page in range(12))
    first_seen: dict[int, bytes] = {}

    def look(pages: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> None:
        data = (tmp_path / "database").read_bytes()
        for page in pages.tolist():
            first_seen.setdefault(page, data[(page - 1) * PAGE : page * PAGE])

    result, _ = write(tmp_path, base, wals, memory=memory, look=look, cuts=lambda n: list(range(1, n)))
    shrunk = min((c for f in wals for _, c in f if c), default=12)
    for page in range(1, len(result) // PAGE + 1):
        now = result[(page - 1) * PAGE : page * PAGE]
        was = base[(page - 1) * PAGE : page * PAGE]
        if now != was and page <= shrunk:
            assert first_seen[page] == was


def test_a_preview_tells_what_is_held_and_writes_nothing(tmp_path: Path) -> None:
    told: list[list[int]] = []
    with database(tmp_path, image(9) * 3) as fd:
        writer = PageWriter(fd, PAGE, memory_bytes=LARGE, spool=tmp_path / "spool")
        writer.preview(lambda pages: told.append(pages.tolist()))
        writer.add(batch(0, [(2, 0), (1, 3), (2, 3), (3, 0)], 1))
        writer.preview(lambda pages: told.append(pages.tolist()))
    assert told == [[1, 2]]
    assert (tmp_path / "database").read_bytes() == image(9) * 3


@pytest.mark.parametrize("step", [1, 100, 511, 512, 513, 1500, 10_000])
def test_writes_that_the_kernel_takes_in_parts_are_completed(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_pwritev, real_pwrite = os.pwritev, os.pwrite

    def short_pwritev(fd: int, buffers: list[memoryview], offset: int) -> int:
        return real_pwrite(fd, b"".join(buffers)[:step], offset)

    def short_pwrite(fd: int, data: memoryview, offset: int) -> int:
        return real_pwrite(fd, bytes(data)[: max(1, step // 2)], offset)

    monkeypatch.setattr(os, "pwritev", short_pwritev)
    monkeypatch.setattr(os, "pwrite", short_pwrite)
    wals = [[(1, 0), (2, 0), (3, 0), (7, 0), (9, 9)]]
    result, _ = write(tmp_path, b"", wals)
    assert result == reference(b"", wals)
    assert real_pwritev is not os.pwritev


def test_an_empty_list_of_buffers_is_written_at_once(tmp_path: Path) -> None:
    with database(tmp_path) as fd:
        write_all(fd, [], 0)
        write_all(fd, [memoryview(b"ab"), memoryview(b""), memoryview(b"c")], 1)
    assert (tmp_path / "database").read_bytes() == b"\0abc"
