"""The database at the end of a WAL, held against the checksum of all its pages that our daemon noted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Literal

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.formats import page_sums, wal
from sqlite_recovery_tui.formats.sidecars import WalEnd
from sqlite_recovery_tui.replica.chain import Chain

OTHER = (
    "it and the WAL behind it do not give the database that was replicated: the checksum of all pages differs"
)

Outcome = Literal["equal", "other", "unknown"]


def compare(
    fd: int, reached: Position, chain: Chain, ends: Mapping[int, WalEnd], check: Callable[[], None]
) -> Outcome:
    """Compare the database in `fd`, which `chain` has brought to `reached`, with what was noted of it.

    Unknown where nothing was noted, or of another place. `check` is called now and then; raise OSError.
    """
    noted, header = ends.get(reached.index), chain.headers.get(reached.index)
    if noted is None or noted.database is None or header is None or noted.end != reached.offset:
        return "unknown"
    if wal.parse_header(noted.header) != header:
        return "unknown"
    size = os.fstat(fd).st_size

    def read(at: int, length: int) -> bytes:
        return os.pread(fd, length, at)

    found = page_sums.of_database(read, size, header.page_size, check)
    return "equal" if found == noted.database else "other"
