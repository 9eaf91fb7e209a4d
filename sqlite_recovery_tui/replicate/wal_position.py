"""Where a follower stands: in SQLite's file, and in the WALs that it hands on.

A WAL that is handed on begins where SQLite's begins, or in the middle of it (see `stretch`). Then its frames
are numbered from there, and have salts and checksums of their own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, HEADER_SIZE, Checksum, WalHeader
from sqlite_recovery_tui.formats.wal_write import new_header
from sqlite_recovery_tui.replicate.stretch import Mark
from sqlite_recovery_tui.replicate.wal_index import WalIndex

MAX_INDEX = 0x7FFFFFFF
_OTHER_SALT = 0x9E3779B9


@dataclass(frozen=True, slots=True)
class Position:
    """The mark last kept, with what the next frame must follow on."""

    mark: Mark
    previous: Checksum
    """The running checksum of SQLite's file at the mark."""
    pages: int
    """The database's size in pages there; 0 when the WAL does not tell."""

    @property
    def frames(self) -> int:
        """How many frames of SQLite's file lie before it."""
        size = FRAME_HEADER_SIZE + self.mark.page_size
        return (max(self.mark.offset - HEADER_SIZE, 0) + self.mark.skipped) // size

    @property
    def salts(self) -> bytes:
        """Those of SQLite's file; empty when there was none yet."""
        return self.mark.header[16:24]

    def sealed(self) -> Position:
        """Return the same place as the end of its WAL."""
        return replace(self, mark=replace(self.mark, sealed=True))

    def next_wal(self, header: bytes) -> Position:
        """Return the beginning of the next WAL, in SQLite's file whose 32 bytes are `header`.

        Raises `FormatError`.
        """
        parsed = wal.parse_header(header)
        same = header == self.mark.header and self.frames > 0
        skipped = self.frames * parsed.frame_size if same else 0
        mark = Mark(
            index=self.mark.index + 1,
            offset=0,
            header=header,
            frame=self.mark.frame if same else b"",
            checksum=outer_header(parsed, header, skipped)[0].checksum,
            page_size=parsed.page_size,
            sealed=False,
            skipped=skipped,
        )
        return Position(mark, self.previous if same else parsed.checksum, self.pages)


def restored(mark: Mark) -> Position:
    """Return the position of a mark that was kept; raise `FormatError` when its header is none."""
    if mark.frame:
        _, pages, _, _, sum1, sum2 = struct.unpack(">6I", mark.frame)
        return Position(mark, (sum1, sum2), pages)
    previous = wal.parse_header(mark.header).checksum if mark.header else (0, 0)
    return Position(mark, previous, 0)


def beginning(index: WalIndex, header: bytes, frame: bytes, page_size: int, pages: int) -> Position:
    """Return where a new generation begins: all that is committed lies before it."""
    mark = Mark(
        index=-1,
        offset=0,
        header=header,
        frame=frame,
        checksum=(0, 0),
        page_size=page_size,
        sealed=True,
        skipped=index.frames * (FRAME_HEADER_SIZE + page_size),
    )
    return Position(mark, index.checksum, pages)


def outer_header(header: WalHeader, raw: bytes, skipped: int) -> tuple[WalHeader, bytes]:
    """Return the header of the WAL that is handed on: SQLite's own, or one made for a WAL within it."""
    if not skipped:
        return header, raw
    return new_header(header.page_size, header.salt1, header.salt2 ^ _OTHER_SALT ^ (skipped & 0xFFFFFFFF))


def rechained(
    header: WalHeader, rows: npt.NDArray[np.uint8], previous: Checksum
) -> tuple[npt.NDArray[np.uint8], Checksum]:
    """Return frames under another header, with its salts and checksums that go on from `previous`."""
    made = rows.copy()
    fields = np.empty((len(made), 2), dtype=">u4")
    fields[:, 0], fields[:, 1] = header.salt1, header.salt2
    made[:, 8:16] = fields.view(np.uint8).reshape(-1, 8)
    low, middle, high = wal.frame_carry(header)
    s0, s1 = previous
    for number, (a0, a1) in enumerate(wal.frame_sums(header, made).tolist()):
        s0, s1 = (low * s0 + middle * s1 + a0) & 0xFFFFFFFF, (middle * s0 + high * s1 + a1) & 0xFFFFFFFF
        fields[number] = s0, s1
    made[:, 16:FRAME_HEADER_SIZE] = fields.view(np.uint8).reshape(-1, 8)
    return made, (s0, s1)
