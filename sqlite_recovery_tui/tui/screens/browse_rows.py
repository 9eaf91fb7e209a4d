"""What was found in a bucket, as rows that are made when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui import phrases
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, Row
from sqlite_recovery_tui.tui.widgets.sift import Listed, Made, Rank, natural

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.browse import Sighting

COLUMNS = (
    Column("replica", "replica", least=20, most=90, cut="middle"),
    Column("format", "format", least=6, most=11),
    Column("newest", "newest", least=18, most=30),
    Column("oldest", "since", least=10, most=26, drop=3),
    Column("objects", "objects", least=7, most=10, align="right", drop=2),
    Column("size", "size", least=8, most=10, align="right"),
    Column("gaps", "gaps", width=6, align="right", drop=4),
    Column("known", "configured", least=10, most=40),
)
PLACES = (Column("place", "places of your configuration", least=20, most=100, grow=True, cut="middle"),)
NOWHERE = Cell("○ nowhere", "warn")


def places(urls: Sequence[str]) -> Listed:
    """Return the places that are worth looking through."""
    return Listed.of(PLACES, [Row(url, (Cell(url, "strong"),)) for url in urls])


def sightings(
    found: Sequence[Sighting], where: str, style: phrases.TimeStyle, now: datetime, *, looking: bool
) -> Made:
    """Return what was found below `where`."""
    return Made(
        [each.url for each in found],
        lambda number: _row(found[number], where, style, now, looking=looking),
        texts=lambda number: "  ".join(
            (found[number].url, found[number].timeline.format, found[number].known_as)
        ),
        ranks=lambda number, column: _RANKS[column](found[number]),
    )


def below(url: str, where: str) -> str:
    """Return the part of a URL that lies below the place which was looked through."""
    place, base = url.partition("?")[0], where.partition("?")[0].rstrip("/")
    inside = place.removeprefix(base).strip("/")
    return inside if place.startswith(base) and inside else place


def _row(sighting: Sighting, where: str, style: phrases.TimeStyle, now: datetime, *, looking: bool) -> Row:
    timeline, newest, oldest = sighting.timeline, sighting.timeline.newest, sighting.timeline.oldest
    listing = looking and not sighting.complete
    more = "+" if listing else ""
    age = "" if style == "age" or newest is None else f"  {phrases.age(newest.time, now)}"
    holes = len(timeline.holes)
    return Row(
        sighting.url,
        (
            Cell(below(sighting.url, where), "strong"),
            Cell(timeline.format, "muted"),
            Cell("◌ listing", "muted")
            if listing
            else f"{phrases.short(newest.time, style, now)}{age}"
            if newest is not None
            else Cell("✗ no snapshot", "bad"),
            Cell(phrases.short(oldest.time, style, now) if oldest and not listing else "–", "muted"),
            f"{timeline.objects:,}{more}",
            f"{phrases.size(timeline.size)}{more}",
            Cell(f"✗ {holes}", "bad") if holes and not listing else Cell("–", "muted"),
            _known(sighting),
        ),
    )


def _known(sighting: Sighting) -> Cell:
    if not sighting.known_as:
        return NOWHERE
    if sighting.database_exists:
        return Cell(f"✓ {sighting.known_as}", "ok")
    return Cell(f"▲ {sighting.known_as}", "warn")


def _time(sighting: Sighting, name: str) -> Rank:
    point = getattr(sighting.timeline, name)
    return point.time if point is not None else None


_RANKS: dict[str, Callable[[Sighting], Rank]] = {
    "replica": lambda sighting: natural(sighting.url),
    "format": lambda sighting: sighting.timeline.format,
    "newest": lambda sighting: _time(sighting, "newest"),
    "oldest": lambda sighting: _time(sighting, "oldest"),
    "objects": lambda sighting: sighting.timeline.objects,
    "size": lambda sighting: sighting.timeline.size,
    "gaps": lambda sighting: len(sighting.timeline.holes),
    "known": lambda sighting: natural(sighting.known_as),
}
"""What each column is sorted by."""
