"""Pieces of a file land where they belong, past the page cache or through it."""

from __future__ import annotations

import errno
import itertools
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.restore import blocks
from sqlite_recovery_tui.restore.blocks import ALIGNMENT, BlockWriter
from tests.support.properties import examples

LONGEST = 5 * ALIGNMENT


def write_in_pieces(path: Path, data: bytes, cuts: list[int], *, threads: int = 1) -> int:
    """Write `data` cut at `cuts`, in some order; return how much of it went past the cache."""
    path.unlink(missing_ok=True)
    bounds = [0, *sorted({cut for cut in cuts if cut < len(data)} - {0}), len(data)]
    pieces = [
        (at, min(LONGEST, end - at)) for start, end in pairwise(bounds) for at in range(start, end, LONGEST)
    ]
    random.Random(len(pieces)).shuffle(pieces)
    writer = BlockWriter(path, LONGEST)

    def write(piece: tuple[int, int]) -> None:
        at, length = piece
        with writer.piece(at, length) as room:
            room[:] = np.frombuffer(data, np.uint8, length, at)

    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(write, pieces))
        writer.wait()
        return writer.direct_bytes
    finally:
        writer.close()


@examples(60)
@given(st.integers(1, 100_000), st.lists(st.integers(0, 100_000), max_size=12), st.booleans())
def test_any_pieces_make_the_whole(tmp_path: Path, size: int, cuts: list[int], aligned: bool) -> None:
    data = random.Random(size).randbytes(size)
    if aligned:
        cuts = [cut // 512 * 512 for cut in cuts]
    write_in_pieces(tmp_path / "file", data, cuts)
    assert (tmp_path / "file").read_bytes() == data


def test_threads_do_not_share_buffers(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(300 * ALIGNMENT)
    cuts = list(range(0, len(data), ALIGNMENT))
    write_in_pieces(tmp_path / "file", data, cuts, threads=4)
    assert (tmp_path / "file").read_bytes() == data


def has_direct(folder: Path) -> bool:
    writer = BlockWriter(folder / "probe", LONGEST)
    with writer.piece(0, ALIGNMENT):
        pass
    writer.wait()
    writer.close()
    return writer.direct_bytes > 0


def test_whole_blocks_go_past_the_cache(tmp_path: Path) -> None:
    if not has_direct(tmp_path):
        pytest.skip("this file system has no direct writes")
    data = random.Random(2).randbytes(10 * ALIGNMENT + 100)
    assert write_in_pieces(tmp_path / "file", data, []) == 10 * ALIGNMENT
    # Both long pieces begin and end inside a block: those ends go through the cache.
    assert write_in_pieces(tmp_path / "file", data, [512]) == 8 * ALIGNMENT
    assert (tmp_path / "file").read_bytes() == data


def test_a_file_system_without_direct_writes_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random.Random(3).randbytes(9 * ALIGNMENT)
    monkeypatch.setattr(blocks, "_open_direct", lambda path: -1)
    assert write_in_pieces(tmp_path / "file", data, []) == 0
    assert (tmp_path / "file").read_bytes() == data


def test_a_disk_that_refuses_direct_writes_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one with larger blocks does."""
    data = random.Random(4).randbytes(9 * ALIGNMENT)

    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "pwrite", refuse)
    assert write_in_pieces(tmp_path / "file", data, []) == 0
    assert (tmp_path / "file").read_bytes() == data


def test_a_full_disk_is_no_reason_to_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if not has_direct(tmp_path):
        pytest.skip("this file system has no direct writes")
    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_in_pieces(tmp_path / "file", bytes(ALIGNMENT), [])


def test_a_slow_disk_gets_the_rest_through_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_direct(tmp_path):
        pytest.skip("this file system has no direct writes")
    monkeypatch.setattr(blocks, "_TRIAL_BYTES", LONGEST)
    monkeypatch.setattr(blocks, "_SLOW_BYTES_PER_SECOND", 1e15)
    data = random.Random(5).randbytes(30 * LONGEST)
    direct = write_in_pieces(tmp_path / "file", data, []) // LONGEST
    assert blocks._TRIAL_WRITES <= direct < blocks._TRIAL_WRITES + blocks.WRITERS
    assert (tmp_path / "file").read_bytes() == data


def test_a_few_writes_that_had_to_wait_do_not_make_a_disk_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_direct(tmp_path):
        pytest.skip("this file system has no direct writes")
    monkeypatch.setattr(blocks, "_TRIAL_BYTES", LONGEST)
    monkeypatch.setattr(blocks, "WRITERS", 1)
    clock = itertools.count()
    # Every second write takes a second, the others no time at all.
    monkeypatch.setattr(time, "perf_counter", lambda: float((next(clock) + 1) // 4))
    data = random.Random(5).randbytes(40 * LONGEST)
    assert write_in_pieces(tmp_path / "file", data, []) == len(data)


def test_a_short_direct_write_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random.Random(6).randbytes(5 * ALIGNMENT)
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, piece, at: whole(fd, piece[:ALIGNMENT], at))
    write_in_pieces(tmp_path / "file", data, [])
    assert (tmp_path / "file").read_bytes() == data


def test_room_that_is_not_filled_is_there_for_others(tmp_path: Path) -> None:
    writer = BlockWriter(tmp_path / "file", LONGEST)
    try:
        for _ in range(3 * blocks.BUFFERS):
            with pytest.raises(KeyError), writer.piece(0, 10):
                raise KeyError
        writer.wait()
        assert (tmp_path / "file").stat().st_size == 0
    finally:
        writer.close()
