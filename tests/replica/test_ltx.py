"""What a listing of LTX files promises: the same states as Litestream, the cheapest ways, named holes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import LtxFile, Txid
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.replica.ltx import LtxLineage, LtxRoute
from tests.support import ltx_oracle as oracle
from tests.support.listings import at
from tests.support.ltx_listings import as_stored, lineage_of, ltx_listing, ltx_timeline
from tests.support.properties import examples

PLAIN = "0:1@1*900 0:2@2 0:3@3 9:1-3@4*800 1:1-3@5*850 0:4@6 0:5@7"
HOLED = "9:1-3@3*900 0:4@4 0:6@6 0:7@7"
BRIDGED = "9:1-3@3*900 0:4@4 0:6@6 9:1-7@8*900 0:8@9"


def txids(lineage: LtxLineage) -> list[int]:
    return [step.txid for step in lineage.steps]


def spelt(route: LtxRoute | None) -> list[str]:
    """Name the files of a route as listings do."""
    return [f"{file.level}:{file.min_txid:x}-{file.max_txid:x}" for file in route.files] if route else []


@st.composite
def listings(draw: st.DrawFn) -> list[LtxFile]:
    """Return files as Litestream leaves them: syncs, compactions, snapshots, some expired or lost."""
    count = draw(st.integers(1, 14))
    files: dict[str, LtxFile] = {}

    def add(level: int, low: int, high: int, time: float) -> None:
        key = names.file_key(level, low, high)
        size = draw(st.integers(100, 1000))
        files[key] = LtxFile(level, low, high, key, size, at(time))

    for txid in range(1, count + 1):
        add(0, txid, txid, txid + draw(st.sampled_from([0, 0, 0, 3, -2])))
    for level in (1, 2):
        low = 1
        while low <= count and draw(st.booleans()):
            high = draw(st.integers(low, min(count, low + 5)))
            add(level, low, high, high)
            low = high + 1 if draw(st.booleans()) else max(1, high - 1)
            if high == count:
                break
    for high in draw(st.lists(st.integers(1, count), max_size=3)):
        add(9, 1, high, high + draw(st.integers(0, 4)))
    lost = draw(st.sets(st.sampled_from(sorted(files)), max_size=len(files) - 1))
    return [file for key, file in files.items() if key not in lost]


def reached_by(files: list[LtxFile], **target: object) -> int | None:
    """Return the TXID that Litestream's own order of preference reaches."""
    try:
        chosen = oracle.plan(as_stored(files), **target)  # type: ignore[arg-type]
    except oracle.NoPlan:
        return None
    return chosen[-1].max_txid if chosen[0].min_txid == 1 else None


@examples(400)
@given(listings())
def test_what_can_be_restored_is_what_litestream_restores(files: list[LtxFile]) -> None:
    lineage = lineage_of(files)
    for txid in range(1, max(file.max_txid for file in files) + 2):
        route = lineage.route_to(txid)
        assert (route is not None) == (txid in txids(lineage)) == (reached_by(files, txid=txid) == txid)


@examples(400)
@given(listings())
def test_every_route_connects_and_ends_where_it_says(files: list[LtxFile]) -> None:
    lineage = lineage_of(files)
    for txid in txids(lineage):
        route = lineage.route_to(txid)
        assert route is not None
        assert route.base.is_base
        assert route.reached == Txid(txid) == route.files[-1].position
        for earlier, later in pairwise(route.files):
            assert later.min_txid <= earlier.max_txid + 1 <= later.max_txid


@examples(300)
@given(listings())
def test_no_way_to_a_state_is_cheaper_than_the_one_taken(files: list[LtxFile]) -> None:
    lineage = lineage_of(files)
    for txid in txids(lineage):
        route = lineage.route_to(txid)
        assert route is not None
        assert route.fetch_bytes == cheapest(files, txid)


def cheapest(files: list[LtxFile], txid: int) -> int:
    """Try every way: the lowest price to have reached each TXID, without any order."""
    price = {0: 0}
    for _ in range(len(files)):
        for file in files:
            starts = [start for start in price if file.min_txid - 1 <= start < file.max_txid]
            if starts and file.max_txid <= txid:
                paid = min(price[start] for start in starts) + file.size
                price[file.max_txid] = min(price.get(file.max_txid, paid), paid)
    return price[txid]


@examples(400)
@given(listings(), st.integers(-2, 20))
def test_a_moment_gives_what_litestream_gives(files: list[LtxFile], seconds: int) -> None:
    lineage, moment = lineage_of(files), at(seconds)
    point = lineage.at_or_before(moment)
    expected = reached_by(files, before=moment)
    assert (point.position if point else None) == (Txid(expected) if expected else None)
    if point is None:
        assert lineage.route_at(moment) is None
        return
    route = lineage.route_at(moment)
    assert route is not None
    assert route.point.position == point.position
    assert route.point.time == point.time < moment
    assert all(file.time < moment for file in route.files)


@examples(300)
@given(listings(), st.integers(-2, 20))
def test_the_point_behind_a_moment_is_the_first_stored_later(files: list[LtxFile], seconds: int) -> None:
    lineage = lineage_of(files)
    later = [point.time for point in lineage.points() if point.time > at(seconds)]
    found = lineage.after(at(seconds))
    assert (found.time if found else None) == min(later, default=None)


@examples(300)
@given(listings())
def test_a_hole_lies_wherever_no_change_goes_on(files: list[LtxFile]) -> None:
    lineage = lineage_of(files)
    restorable = txids(lineage)
    changes = [file for file in files if file.level != 9]
    last = max(file.max_txid for file in files)
    stops = [
        txid
        for txid in restorable
        if txid < last and not any(file.min_txid <= txid + 1 and file.max_txid > txid for file in changes)
    ]
    holes = [gap.before.position for gap in lineage.gaps if gap.before]
    assert holes == [Txid(txid) for txid in stops]
    assert len(lineage.spans()) == (len(stops) + (restorable[-1] not in stops) if restorable else 0)


def test_every_txid_is_a_point_with_its_time() -> None:
    points = list(lineage_of(PLAIN).points())
    assert [(point.position, point.time) for point in points] == [
        (Txid(1), at(1)),
        (Txid(2), at(2)),
        (Txid(3), at(3)),
        (Txid(4), at(6)),
        (Txid(5), at(7)),
    ]


def test_the_route_with_the_fewest_bytes_is_taken() -> None:
    lineage = lineage_of(PLAIN)
    assert spelt(lineage.route_to(3)) == ["9:1-3"]
    assert spelt(lineage.route_to(5)) == ["9:1-3", "0:4-4", "0:5-5"]
    assert spelt(lineage.route_to(2)) == ["0:1-1", "0:2-2"]


def test_what_is_of_the_very_moment_is_left_out() -> None:
    lineage = lineage_of(PLAIN)
    found = lineage.at_or_before(at(7))
    assert found is not None
    assert found.position == Txid(4)
    assert not lineage.includes(at(7), at(7))
    assert lineage.at_or_before(at(1)) is None


def test_a_route_around_a_damaged_snapshot_uses_other_levels() -> None:
    route = lineage_of(PLAIN).route_to(5)
    assert route is not None
    around = route.around([route.base.key])
    assert spelt(around) == ["1:1-3", "0:4-4", "0:5-5"]
    assert around is not None
    again = around.around([around.base.key])
    assert spelt(again) == ["0:1-1", "0:2-2", "0:3-3", "0:4-4", "0:5-5"]
    assert again is not None
    assert again.around([again.files[0].key]) is None


def test_a_file_stored_later_may_replace_a_damaged_one_of_the_same_state() -> None:
    lineage = lineage_of("0:1@1 0:2@2 1:1-2@9")
    route = lineage.route_at(at(3))
    assert spelt(route) == ["0:1-1", "0:2-2"] or route is None
    assert route is not None
    assert spelt(route.around([names.file_key(0, 2, 2)])) == ["1:1-2"]


def test_a_missing_file_that_a_level_covers_is_no_hole() -> None:
    lineage = lineage_of("9:1-3@3 0:4@4 0:6@6 1:4-6@6 0:7@7")
    assert lineage.gaps == ()
    assert txids(lineage) == [3, 4, 6, 7]


def test_a_hole_names_what_is_missing_and_the_points_around_it() -> None:
    (gap,) = lineage_of(HOLED).gaps
    assert gap.kind == "missing-txid"
    assert gap.is_damage
    assert "TXID 0000000000000005 is missing" in gap.message
    assert gap.object == names.file_key(0, 6, 6)
    assert gap.before is not None
    assert (gap.before.position, gap.after) == (Txid(4), None)


def test_a_later_snapshot_ends_a_hole() -> None:
    lineage = lineage_of(BRIDGED)
    (gap,) = lineage.gaps
    assert gap.before is not None
    assert gap.after is not None
    assert (gap.before.position, gap.after.position) == (Txid(4), Txid(7))
    assert [(span.start, span.end) for span in lineage.spans()] == [(at(3), at(4)), (at(8), at(9))]


def test_what_retention_left_in_front_of_the_first_snapshot_is_no_damage() -> None:
    (gap,) = lineage_of("1:2-4@4 9:1-6@6 0:7@7").gaps
    assert (gap.kind, gap.is_damage) == ("expired", False)


def test_an_old_file_that_retention_left_alone_in_front_is_no_damage() -> None:
    (gap,) = lineage_of("3:1-1@1 1:5-6@6 9:1-7@7 0:8@8").gaps
    assert (gap.kind, gap.is_damage) == ("expired", False)
    assert gap.before is not None
    assert gap.after is not None
    assert (gap.before.position, gap.after.position) == (Txid(1), Txid(7))


@pytest.mark.parametrize(
    "text",
    [
        "0:1@1 0:2@2 0:4@4 9:1-4@5",  # retention leaves no more than one file of a level
        "0:1@1 0:3@3 9:1-3@4",  # and that is its newest
        "3:1-1@1 9:1-5@5 9:1-9@9",  # and nothing goes behind the oldest snapshot
    ],
)
def test_what_retention_cannot_explain_is_damage(text: str) -> None:
    assert any(gap.is_damage for gap in lineage_of(text).gaps)


def test_without_any_base_nothing_can_be_restored() -> None:
    lineage = lineage_of("0:4@4 0:5@5")
    (gap,) = lineage.gaps
    assert (gap.kind, gap.is_damage) == ("no-snapshot", True)
    assert lineage.at_or_before(None) is None
    assert lineage.oldest() is None
    assert lineage.spans() == []


def test_what_compaction_still_has_to_take_in_is_counted() -> None:
    (pending,) = lineage_of("0:1@1 0:2@2 1:1-2@2 0:3@3*70 0:4@4*30").pending
    assert (pending.level, pending.files, pending.size) == (0, 2, 100)


def test_overlapping_files_of_a_level_are_counted_and_harmless() -> None:
    lineage = lineage_of("9:1-2@2 1:3-6@6 1:5-9@9")
    assert lineage.overlaps == 1
    assert txids(lineage) == [2, 6, 9]
    assert lineage.gaps == ()


def test_levels_are_lanes_and_snapshots_are_bases() -> None:
    lanes = lineage_of(PLAIN).lanes
    assert [(lane.title, len(lane.bases), len(lane.changes)) for lane in lanes] == [
        ("level 0", 0, 5),
        ("level 1", 0, 1),
        ("level 9", 1, 0),
    ]


@pytest.mark.parametrize("prefix", ["ltx/0/", "0000/", "/0000/", "./0000/"])
def test_both_layouts_are_found_in_a_listing(prefix: str) -> None:
    from sqlite_recovery_tui.replica.timeline import TimelineBuilder

    builder = TimelineBuilder()
    builder.add(f"{prefix}{1:016x}-{1:016x}.ltx", 10, at(1), None)
    found = builder.timeline()
    assert found.formats == ("v0.5",)
    assert found.newest is not None
    assert found.newest.position == Txid(1)


def test_a_large_replica_is_laid_out_quickly_enough_to_move_a_cursor_in() -> None:
    text = "9:1-1@0*100000 " + " ".join(f"0:{txid:x}@{txid}" for txid in range(2, 6000))
    lineage = lineage_of(text)
    assert len(txids(lineage)) == 5999
    assert lineage.gaps == ()
    assert len(lineage.route_to(5999).files) == 5999  # type: ignore[union-attr]


def test_a_timeline_of_ltx_files_alone_says_so() -> None:
    found = ltx_timeline(PLAIN)
    assert found.format == "v0.5"
    assert found.generations == ()
    assert found.ltx is not None
    assert found.objects == len(ltx_listing(PLAIN))
    assert found.to_json()["levels"] == 3
