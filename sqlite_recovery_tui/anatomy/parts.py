"""The bytes of a page as parts: each byte belongs to exactly one, and what nothing claims is a fragment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

PartName = Literal[
    "database header",
    "page header",
    "cell pointers",
    "unallocated",
    "cell",
    "free block",
    "fragment",
    "reserved",
    "link",
    "entry",
    "content",
]


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from `start` up to, not including, `end` of a page that are one thing."""

    start: int
    end: int
    name: PartName
    title: str


def laid_out(
    fixed: Sequence[Part], movable: Sequence[Part], usable: int, size: int
) -> tuple[tuple[Part, ...], int]:
    """Return all bytes as parts, what is left over as fragments; and how many parts overlap others."""
    parts: list[Part] = []
    at = overlaps = 0
    for part in (*fixed, *sorted(movable, key=lambda part: part.start)):
        if part.start < at:
            overlaps += 1
            continue
        if part.start > at:
            parts.append(_fragment(at, part.start))
        parts.append(part)
        at = part.end
    parts += rest(at, usable, size)
    return tuple(parts), overlaps


def rest(at: int, usable: int, size: int) -> Iterator[Part]:
    """Yield what lies behind byte `at`."""
    if at < usable:
        yield _fragment(at, usable)
    if usable < size:
        yield Part(max(at, usable), size, "reserved", "reserved for extensions")


def _fragment(start: int, end: int) -> Part:
    return Part(start, end, "fragment", f"fragment of {end - start:,} bytes")
