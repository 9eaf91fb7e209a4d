"""When what was committed came to a replica: told from the times of its objects and from what they hold."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import lz4.frame

from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header
from sqlite_recovery_tui.formats.wal import parse_header as parse_wal_header


def lags(replica: Path, times: Sequence[float]) -> Iterator[float]:
    """Yield for each commit how long it took until an object was there that has it."""
    covered = 0
    for arrived, until in _arrivals(replica, times):
        for at in times[covered:until]:
            yield max(arrived - at, 0.0)
        covered = max(covered, until)


def most_behind(replica: Path, times: Sequence[float]) -> int:
    """Return the most commits that were not at the replica at any moment."""
    covered = most = 0
    for arrived, until in _arrivals(replica, times):
        most = max(most, bisect_right(times, arrived) - covered)
        covered = max(covered, until)
    return most


def objects(replica: Path) -> int:
    """Return how many there are."""
    return sum(path.is_file() for path in replica.rglob("*"))


def at_part(ordered: Sequence[float], part: float) -> float | None:
    """Return the value that so large a part of all is below."""
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else None


def _arrivals(replica: Path, times: Sequence[float]) -> Iterator[tuple[float, int]]:
    """Yield when each object came, and how many commits are in the replica from then on."""
    segments = sorted(replica.rglob("*.wal.lz4"), key=lambda path: (path.stat().st_mtime, path.name))
    commits = [_commits(path) for path in segments]
    before = sum(commits) - len(
        times
    )  # what a daemon commits itself comes at its beginning, nearly all of it
    for path, number in zip(segments, commits, strict=True):
        before += number
        yield path.stat().st_mtime, max(before, 0)
    files = sorted([*replica.glob("ltx/0/*.ltx"), *replica.glob("0000/*.ltx")], key=lambda path: path.name)
    for path in files:
        made = Header.parse(path.read_bytes()[:HEADER_SIZE]).timestamp_ms / 1000
        yield path.stat().st_mtime, sum(at <= made for at in times)


def _commits(path: Path) -> int:
    data = lz4.frame.decompress(path.read_bytes())
    at = 32 if data[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83") else 0
    size = parse_wal_header(data[:32]).page_size if at else 4096
    return sum(data[frame + 4 : frame + 8] != bytes(4) for frame in range(at, len(data), 24 + size))
