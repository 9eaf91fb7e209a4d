"""A WAL that begins in the middle of SQLite's is a WAL as SQLite reads it."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.replicate.wal_position import outer_header, rechained
from tests.support.wals import Wal, sequential_checksum


@given(
    before=st.integers(1, 4), after=st.integers(1, 5), big=st.booleans(), size=st.sampled_from([512, 4096])
)
def test_frames_get_a_header_and_a_chain_of_their_own(before: int, after: int, big: bool, size: int) -> None:
    made = Wal(page_size=size, big_endian=big)
    for number in range(before + after):
        made.frame(number + 1, number + 1, made.image(number))
    header = wal.parse_header(made.data[:32])
    skipped = before * made.frame_bytes
    outer, raw = outer_header(header, bytes(made.data[:32]), skipped)
    assert wal.parse_header(raw) == outer != header
    rows = wal.split_frames(bytes(made.data[32 + skipped :]), size).data
    one, middle = rechained(outer, rows[:1], outer.checksum)
    rest, last = rechained(outer, rows[1:], middle)
    found = wal.split_frames(np.concatenate([one, rest]).tobytes(), size)
    verified = wal.verify_frames(outer, found, outer.checksum)
    assert (verified.count, verified.checksum, verified.fault) == (after, last, "")
    assert (found.data[:, 24:] == rows[:, 24:]).all()
    assert (found.data[:, :8] == rows[:, :8]).all()
    first = found.data[0].tobytes()  # and word by word, as the format says
    expected = sequential_checksum(first[:8] + first[24:], outer.checksum, big_endian=outer.big_endian)
    assert struct.unpack(">II", first[16:24]) == expected


def test_without_anything_before_it_the_header_is_sqlites() -> None:
    raw = bytes(Wal().data[:32])
    assert outer_header(wal.parse_header(raw), raw, 0) == (wal.parse_header(raw), raw)
