"""A listing becomes a timeline page by page: usable before it ends, and stopped when asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.errors import BucketNotFound, Cancelled, Unreachable
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.replica.scan import PARTIAL_SECONDS, scan
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.listings import START, A, Item, at, listing, timeline_of

WORDS = "S0@0 0.0@1 0.20@2 1.0@3 S2@4 2.0@5"


class Paged(MemoryStore):
    """Lists given pages, letting time pass and doing things in front of each."""

    def __init__(self, pages: Sequence[Sequence[Item]], clock: FixedClock, seconds: float = 0) -> None:
        super().__init__("paged", clock=clock)
        self._pages, self._seconds = pages, seconds
        self.listed = 0
        self.fails_after: int | None = None

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        assert prefix == ""
        for number, page in enumerate(self._pages):
            if self.fails_after == number:
                raise Unreachable("the line is cut", operation="list")
            self._clock.sleep(self._seconds)
            self.listed += 1
            yield [ObjectInfo(item.key, item.size, at(item.time), None) for item in page]


def pages(*words: str) -> list[list[Item]]:
    return [listing(word) for word in words]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


def test_a_store_is_listed_whole(clock: FixedClock) -> None:
    items = listing(WORDS)
    store = MemoryStore("plain")
    for item in items:
        store.put(item.key, bytes(item.size))
        store.set_time(item.key, at(item.time))
    store.put(f"generations/{A}/wal/junk.tmp", b"")
    found = scan(store)
    expected = timeline_of(items)
    assert [s.position for g in found.generations for s in g.segments] == [
        s.position for g in expected.generations for s in g.segments
    ]
    assert found.size == expected.size
    assert found.newest is not None
    assert found.newest.time == at(5)
    assert found.other_objects == 1
    assert all(segment.etag for segment in found.generations[0].segments)


def test_more_objects_than_a_page_holds() -> None:
    store = MemoryStore("many")
    for number in range(2500):
        store.put(Item(A, number, 0, 0).key, b"x")
    assert scan(store).objects == 2500


def test_the_first_page_is_shown_at_once_and_the_rest_now_and_then(clock: FixedClock) -> None:
    store = Paged(pages(*WORDS.split()), clock, seconds=PARTIAL_SECONDS / 2)
    seen: list[tuple[int, Timeline]] = []
    whole = scan(store, on_partial=lambda part: seen.append((store.listed, part)), clock=clock)
    assert [listed for listed, _ in seen] == [1, 3, 5]
    assert [part.objects for _, part in seen] == [1, 3, 5]
    assert seen[0][1].newest is not None
    assert whole == timeline_of(listing(WORDS))


def test_a_part_that_was_handed_out_does_not_change_any_more(clock: FixedClock) -> None:
    store = Paged(pages("S0@0 0.0@1", "0.20@2 2.0@3"), clock, seconds=1)
    seen: list[Timeline] = []
    scan(store, on_partial=seen.append, clock=clock)
    assert seen[0] == timeline_of(listing("S0@0 0.0@1"))
    assert seen[0].holes == []
    assert len(seen[1].holes) == 1


def test_progress_counts_objects(clock: FixedClock) -> None:
    reports: list[Progress] = []
    scan(Paged(pages("S0@0 0.0@1", "0.20@2"), clock), progress=reports.append, clock=clock)
    assert [(report.done, report.total, report.unit) for report in reports] == [
        (2, None, "objects"),
        (3, None, "objects"),
    ]


def test_it_stops_at_the_next_page_when_asked(clock: FixedClock) -> None:
    store, token = Paged(pages(*WORDS.split()), clock), CancelToken()
    with pytest.raises(Cancelled):
        scan(store, cancel=token, on_partial=lambda _: token.cancel(), clock=clock)
    assert store.listed == 2


def test_a_listing_that_fails_on_the_way_is_a_failure_not_a_shorter_history(clock: FixedClock) -> None:
    store = Paged(pages(*WORDS.split()), clock)
    store.fails_after = 3
    with pytest.raises(Unreachable):
        scan(store, clock=clock)


def test_a_place_that_is_not_there_says_so() -> None:
    with pytest.raises(BucketNotFound):
        scan(MemoryStore("gone", exists=False))


def test_objects_that_a_changing_listing_repeats_count_once(clock: FixedClock) -> None:
    first, again = listing("S0@0 0.0@1"), listing("0.0@7 0.20@8")
    found = scan(Paged([first, again], clock), clock=clock)
    assert found.objects == 3
    assert [point.time - START for point in found.points()] == [timedelta(seconds=s) for s in (0, 7, 8)]
