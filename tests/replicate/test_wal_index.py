"""The wal-index is decoded as SQLite writes it, and never believed while it is torn."""

from __future__ import annotations

import os
import struct
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.replicate import wal_index
from tests.support.followed import App


def sealed(head: bytes) -> bytes:
    """Return 40 bytes of a header with their checksum."""
    s0 = s1 = 0
    for one, two in struct.iter_unpack("=II", head):
        s0 = (s0 + one + s1) & 0xFFFFFFFF
        s1 = (s1 + two + s0) & 0xFFFFFFFF
    return head + struct.pack("=II", s0, s1)


def made(frames: int = 7, backfilled: int = 3, size: int = 4096, *, initial: int = 1) -> bytes:
    fields = (3007000, 0, 5, initial, 0, 1 if size == 65536 else size, frames, 9, 11, 12)
    head = sealed(struct.pack("=IIIBBHIIII", *fields) + b"saltSALT")
    return head + head + struct.pack("=I5I", backfilled, 0, 7, 4, *[wal_index.NO_MARK] * 2) + bytes(16)


def test_what_sqlite_writes_is_understood(database: Path) -> None:
    with App(database) as app:
        app.do("PRAGMA page_size=65536", "PRAGMA journal_mode=wal", "PRAGMA wal_autocheckpoint=0")
        app.do("CREATE TABLE t(a)", "INSERT INTO t VALUES(1)")
        wal = Path(f"{database}-wal").read_bytes()
        index = wal_index.parse(Path(f"{database}-shm").read_bytes()[: wal_index.SIZE])
        assert index is not None
        assert index.frames == (len(wal) - 32) // (24 + 65536)
        assert (index.salts, index.page_size, index.pages) == (wal[16:24], 65536, 2)
        assert index.checksum == struct.unpack(">II", wal[-65536 - 8 : -65536])
        assert not index.is_folded
        app.do("PRAGMA wal_checkpoint")
        again = wal_index.parse(Path(f"{database}-shm").read_bytes()[: wal_index.SIZE])
        assert again is not None
        assert again.is_folded


@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_the_fields(size: int) -> None:
    index = wal_index.parse(made(size=size))
    assert index is not None
    assert (index.frames, index.pages, index.checksum) == (7, 9, (11, 12))
    assert (index.page_size, index.backfilled, index.salts) == (size, 3, b"saltSALT")
    assert index.marks == (0, 7, 4, wal_index.NO_MARK, wal_index.NO_MARK)


@given(at=st.integers(0, 95), bit=st.integers(0, 7))
def test_any_bit_that_differs_is_noticed(at: int, bit: int) -> None:
    data = bytearray(made())
    data[at] ^= 1 << bit
    assert wal_index.parse(bytes(data)) is None
    data[(at + 48) % 96] ^= 1 << bit  # both copies alike: only the checksum tells
    assert wal_index.parse(bytes(data)) is None


@given(data=st.binary(max_size=200))
def test_any_bytes_are_no_index(data: bytes) -> None:
    assert wal_index.parse(data) is None


def test_one_that_is_not_begun_is_none() -> None:
    assert wal_index.parse(made(initial=0)) is None


def test_it_is_read_again_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "index"
    path.write_bytes(made(frames=7)[:48] + made(frames=8)[48:])
    fd = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(wal_index.TornIndex):
            wal_index.read(fd)
        mender = threading.Timer(0.005, os.pwrite, (fd, made(frames=8), 0))
        mender.start()
        assert wal_index.read(fd)[1].frames == 8
        mender.join()
    finally:
        os.close(fd)


def test_no_reader_ever_sees_half_of_a_change(tmp_path: Path) -> None:
    path = tmp_path / "index"
    path.write_bytes(made(frames=0))
    writer, reader = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
    ended = threading.Event()

    def change() -> None:
        """Write the second copy, then the first, as SQLite does."""
        number = 0
        while not ended.is_set():
            number += 1
            data = made(frames=number)
            os.pwrite(writer, data[48:], 48)
            os.pwrite(writer, data[:48], 0)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        last, until = 0, time.monotonic() + 0.3
        while time.monotonic() < until:
            frames = wal_index.read(reader)[1].frames
            assert frames >= last
            last = frames
        assert last > 10
    finally:
        ended.set()
        thread.join()
        os.close(writer)
        os.close(reader)
