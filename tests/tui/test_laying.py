"""Lines that are made when they are looked at are the lines that a walk over the whole history would give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.replica.lineage import Lane, Lineage
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.tui import laying
from sqlite_recovery_tui.tui.entries import Entry, Heading, Hole, Stored, key_of
from tests.replica.test_ltx import listings as ltx_listings
from tests.replica.test_timeline import listings
from tests.support.listings import Item, timeline_of
from tests.support.ltx_listings import ltx_timeline
from tests.support.properties import examples


def walked(timeline: Timeline) -> list[Entry]:
    """Return every line, newest first, gaps above what they follow and pauses behind the newer history."""
    found: list[Entry] = []
    pauses = [gap for gap in timeline.gaps() if gap.kind == "between-generations"]
    for lineage in reversed(timeline.lineages):
        found += _lines(lineage)
        keys = {entry.item.key for entry in found if isinstance(entry, Stored)}
        own = [gap for gap in pauses if gap.after is not None and gap.after.key in keys]
        pauses = [gap for gap in pauses if gap not in own]
        found += map(Hole, own)
    return found


def _lines(lineage: Lineage) -> Iterator[Entry]:
    states = {point.key: point for point in lineage.points()}
    by_place = {point.position: point for point in states.values()}
    bases = {base.key for base in lineage.bases}
    loose = [gap for gap in lineage.gaps if gap.before is None]
    first = next((gap.after.position for gap in loose if gap.kind == "expired" and gap.after), None)
    for lane in lineage.lanes:
        yield Heading(lane)
        for item, noun in _newest_first(lane):
            yield from (Hole(gap) for gap in lineage.gaps if gap.before and gap.before.key == item.key)
            point = by_place.get(item.position) if isinstance(item, LtxFile) else states.get(item.key)
            place: Any = item.position
            expired = point is None and first is not None and place < first
            yield Stored(item, noun, item.key in bases, point, expired)
    yield from map(Hole, loose)


def _newest_first(lane: Lane) -> list[tuple[Any, str]]:
    found: list[tuple[Any, str]] = [(item, "snapshot") for item in lane.bases]
    found += [(item, lane.change_noun) for item in lane.changes]
    return sorted(found, key=lambda pair: pair[0].position)[::-1]


def check(timeline: Timeline) -> None:
    made, expected = laying.build(timeline), walked(timeline)
    assert list(made.entries) == expected
    keys = [key_of(entry) for entry in expected]
    assert list(made.keys) == keys
    assert all(made.keys[made.places[key]] == key for key in keys)
    assert made.places.get("nothing") is None
    marks = [
        place
        for place, entry in enumerate(expected)
        if not isinstance(entry, Stored) or (entry.is_base and entry.point is not None)
    ]
    assert list(made.marks) == marks
    for block in made.blocks:
        assert expected[block.first] == Heading(block.lane)
        items = {item.key for items in (block.lane.bases, block.lane.changes) for item in items}
        own = [n for n, entry in enumerate(expected) if isinstance(entry, Stored) and entry.item.key in items]
        assert list(block.places) == own


@examples(150)
@given(listings())
def test_generations_are_laid_out_as_a_walk_would(items: list[Item]) -> None:
    check(timeline_of(items))


@examples(150)
@given(ltx_listings())
def test_levels_are_laid_out_as_a_walk_would(files: list[LtxFile]) -> None:
    check(ltx_timeline(files))


@examples(50)
@given(listings(), st.integers(0, 30))
def test_a_part_is_a_part(items: list[Item], first: int) -> None:
    made = laying.build(timeline_of(items))
    assert list(made.entries[first:]) == list(made.entries)[first:]
    assert list(made.keys[:first]) == list(made.keys)[:first]
