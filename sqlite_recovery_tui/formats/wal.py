"""The SQLite write-ahead log: header, frames, and checksums of many frames at once.

File format, section 4: a 32-byte header, then frames of 24 bytes and a page. The checksum chains from
the header through every frame. A chain step is linear modulo 2^32, so the checksum of a whole frame is
one dot product with Fibonacci weights; given the stored checksum of the frame before, all frames of a
buffer are verified by two matrix-vector products, with the same answer as the sequential rule.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.header import is_page_size

HEADER_SIZE = 32
FRAME_HEADER_SIZE = 24
VERSION = 3007000
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683
_CHUNK_BYTES = 1 << 20  # a product over this much stays in the second-level cache

Checksum = tuple[int, int]
U32 = npt.NDArray[np.uint32]
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class WalHeader:
    """The header of one WAL; every frame that belongs to it repeats its salts."""

    page_size: int
    sequence: int
    salt1: int
    salt2: int
    checksum: Checksum
    big_endian: bool
    """Whether checksums are computed over big-endian words."""

    @property
    def frame_size(self) -> int:
        return FRAME_HEADER_SIZE + self.page_size


@dataclass(frozen=True, slots=True)
class Frames:
    """Consecutive frames: page numbers, commit sizes (0: not a commit) and the bytes themselves.

    `pgno` and `commit` have shape (n,), `data` has shape (n, 24 + page size); `data` is a view of
    the buffer that was decoded.
    """

    pgno: U32
    commit: U32
    data: U8

    def __len__(self) -> int:
        return len(self.pgno)

    @property
    def last_commit(self) -> int:
        """Number of frames up to and including the last commit frame; 0 when there is none."""
        commits = np.flatnonzero(self.commit)
        return int(commits[-1]) + 1 if len(commits) else 0

    def head(self, count: int) -> Frames:
        """Return the first `count` frames."""
        return self.slice(0, count)

    def slice(self, start: int, end: int) -> Frames:
        """Return the frames from number `start` up to, not including, number `end`."""
        return Frames(self.pgno[start:end], self.commit[start:end], self.data[start:end])


@dataclass(frozen=True, slots=True)
class Verified:
    """How far a run of frames holds: `count` good frames, the checksum after them, and why it ended."""

    count: int
    checksum: Checksum
    fault: str
    """Empty when every frame holds."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What holds of each frame of a run, whatever the frames before it are like."""

    salts_hold: npt.NDArray[np.bool_]
    sums_hold: npt.NDArray[np.bool_]


def parse_header(data: bytes | memoryview) -> WalHeader:
    """Read a WAL header; raise `FormatError` when it is none or its checksum does not hold."""
    if len(data) < HEADER_SIZE:
        raise FormatError(f"WAL header cut short: {len(data)} of {HEADER_SIZE} bytes")
    magic, version, page_size, sequence, salt1, salt2, sum1, sum2 = struct.unpack_from(">8I", data)
    if magic not in (_MAGIC_LITTLE, _MAGIC_BIG):
        raise FormatError(f"not a WAL: its magic number is {magic:08x}")
    if version != VERSION:
        raise FormatError(f"WAL format version {version} is not {VERSION}", offset=4)
    if not is_page_size(page_size):
        raise FormatError(f"WAL page size {page_size} is not a power of two from 512 to 65536", offset=8)
    big_endian = magic == _MAGIC_BIG
    if checksum(bytes(data[:24]), (0, 0), big_endian=big_endian) != (sum1, sum2):
        raise FormatError("WAL header checksum does not hold", offset=24)
    return WalHeader(page_size, sequence, salt1, salt2, (sum1, sum2), big_endian)


def checksum(data: bytes | memoryview, start: Checksum, *, big_endian: bool) -> Checksum:
    """Continue the chained checksum over `data`, a whole number of 8-byte pairs."""
    words = np.frombuffer(data, dtype=">u4" if big_endian else "<u4").astype(np.uint32, copy=False)
    weights = _fibonacci(len(words))
    s0, s1 = _step(len(words), start)
    with np.errstate(over="ignore"):
        return (
            (s0 + int(words @ weights[0])) & 0xFFFFFFFF,
            (s1 + int(words @ weights[1])) & 0xFFFFFFFF,
        )


def split_frames(data: bytes | memoryview | U8, page_size: int) -> Frames:
    """View `data`, a whole number of frames, as frames; raise `FormatError` when it is not."""
    size = FRAME_HEADER_SIZE + page_size
    raw = data if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=np.uint8)
    if len(raw) % size:
        whole = len(raw) // size
        raise FormatError(
            f"{len(raw)} bytes are not a whole number of {size}-byte frames", offset=whole * size
        )
    rows = raw.reshape(-1, size)
    words = rows[:, :8].copy().view(">u4").astype(np.uint32)
    return Frames(pgno=words[:, 0], commit=words[:, 1], data=rows)


def verify_frames(header: WalHeader, frames: Frames, previous: Checksum) -> Verified:
    """Verify salts and the checksum chain of `frames`, which follow a frame with `previous`.

    The first frame that fails ends the valid run, as it does for SQLite.
    """
    if not len(frames):
        return Verified(0, previous, "")
    judged = judge_frames(header, frames, previous)
    bad = np.flatnonzero(~(judged.salts_hold & judged.sums_hold & (frames.pgno != 0)))
    count = int(bad[0]) if len(bad) else len(frames)
    last = previous if count == 0 else stored_checksum(frames, count - 1)
    if count == len(frames):
        return Verified(count, last, "")
    return Verified(count, last, why(bool(judged.salts_hold[count]), bool(judged.sums_hold[count])))


def judge_frames(header: WalHeader, frames: Frames, previous: Checksum) -> Judged:
    """Judge every frame by itself: its salts, and its checksum after the one stored in front of it."""
    rows = frames.data
    fields = rows[:, 8:FRAME_HEADER_SIZE].copy().view(">u4").astype(np.uint32)
    salts_hold = (fields[:, 0] == header.salt1) & (fields[:, 1] == header.salt2)
    return Judged(salts_hold, _sums_hold(header, rows, fields[:, 2:], previous))


def stored_checksum(frames: Frames, number: int) -> Checksum:
    """Return the checksum that frame `number` (from 0) states, whether it holds or not."""
    found = struct.unpack(">II", frames.data[number, 16:FRAME_HEADER_SIZE].tobytes())
    return int(found[0]), int(found[1])


def why(salts_hold: bool, sum_holds: bool) -> str:
    """Say why a frame does not hold."""
    if not salts_hold:
        return "its salts are those of another WAL"
    if not sum_holds:
        return "its checksum does not continue the chain"
    return "its page number is 0"


def _sums_hold(header: WalHeader, rows: U8, stored: U32, previous: Checksum) -> npt.NDArray[np.bool_]:
    """Compare each frame's stored checksum with the one that follows from the frame before it."""
    before = np.empty_like(stored)
    before[0] = previous
    before[1:] = stored[:-1]
    low, middle, high = frame_carry(header)
    sums = frame_sums(header, rows)
    with np.errstate(over="ignore"):
        sums[:, 0] += np.uint32(low) * before[:, 0] + np.uint32(middle) * before[:, 1]
        sums[:, 1] += np.uint32(middle) * before[:, 0] + np.uint32(high) * before[:, 1]
    return np.asarray((sums == stored).all(axis=1))


def frame_carry(header: WalHeader) -> tuple[int, int, int]:
    """Return what a frame makes of the checksum before it: (a, b), (b, c) by rows, modulo 2^32."""
    return _fibonacci_numbers(header.frame_size // 4 - 4)


def frame_sums(header: WalHeader, rows: U8) -> U32:
    """Return what each frame adds to the checksum that it carries on, shape (n, 2)."""
    words = rows.view(">u4" if header.big_endian else "<u4")
    weights = _frame_weights(header.page_size)
    sums = np.empty((len(rows), 2), dtype=np.uint32)
    step = max(1, _CHUNK_BYTES // header.frame_size)
    with np.errstate(over="ignore"):
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            chunk = words[part].astype(np.uint32, copy=False)
            sums[part, 0] = np.einsum("ij,j->i", chunk, weights[0])
            sums[part, 1] = np.einsum("ij,j->i", chunk, weights[1])
    return sums


@lru_cache(maxsize=16)
def _fibonacci_numbers(n: int) -> tuple[int, int, int]:
    """Return F(n-1), F(n), F(n+1) modulo 2^32."""
    a, b = 1, 0  # F(-1), F(0)
    for _ in range(n):
        a, b = b, (a + b) & 0xFFFFFFFF
    return a, b, (a + b) & 0xFFFFFFFF


def _step(n: int, start: Checksum) -> Checksum:
    """Carry a checksum over `n` words that are all zero."""
    low, middle, high = _fibonacci_numbers(n)
    return (low * start[0] + middle * start[1]) & 0xFFFFFFFF, (
        middle * start[0] + high * start[1]
    ) & 0xFFFFFFFF


@lru_cache(maxsize=16)
def _fibonacci(n: int) -> U32:
    """Return the weights of `n` words in both sums, shape (2, n): F(n-1-j) and F(n-j)."""
    numbers = np.empty(n + 1, dtype=np.uint32)
    a, b = 0, 1
    for j in range(n + 1):
        numbers[j] = a
        a, b = b, (a + b) & 0xFFFFFFFF
    return np.ascontiguousarray(np.stack([numbers[:n][::-1], numbers[1:][::-1]]))


@lru_cache(maxsize=16)
def _frame_weights(page_size: int) -> U32:
    """Return the weights of a frame's words: salts and checksums (words 2 to 5) count nothing."""
    plain = _fibonacci((8 + page_size) // 4)
    gap = np.zeros((2, 4), dtype=np.uint32)
    return np.ascontiguousarray(np.concatenate([plain[:, :2], gap, plain[:, 2:]], axis=1))
