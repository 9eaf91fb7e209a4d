"""For any listing of LTX files our plans reach what Litestream's own order reaches, and are no dearer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import LtxFile, Txid
from sqlite_recovery_tui.errors import DamagedError, OutsideCoverage
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.target import AtTime, AtTxid, Latest, Target
from sqlite_recovery_tui.storage.files import FileStore
from tests.support import ltx_oracle as oracle
from tests.support.corpus import case, cases
from tests.support.properties import examples

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
MOST = 12


@st.composite
def files(draw: st.DrawFn) -> oracle.Stored:
    """Draw a file of any level, span and time; a snapshot begins with TXID 1."""
    level = draw(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 9]))
    first = 1 if level == oracle.SNAPSHOTS else draw(st.integers(1, MOST))
    last = first if level == 0 else draw(st.integers(first, MOST))
    # Mostly as Litestream dates them, by their last TXID; sometimes as a careless copy does.
    time = last * 10 + draw(st.sampled_from([0, 0, 0, 1, 5, 25, -30]))
    name = f"ltx/{level}/{first:016x}-{last:016x}.ltx"
    return oracle.Stored(level, first, last, START + timedelta(seconds=time), Path(name))


listings = st.lists(files(), min_size=1, max_size=14, unique_by=lambda each: each.path)
sizes = st.lists(st.integers(100, 5000), min_size=14, max_size=14)


def _timeline(found: list[oracle.Stored], size: list[int]) -> Timeline:
    builder = TimelineBuilder()
    for each, bytes_ in zip(found, size, strict=False):
        builder.add(each.path.as_posix(), bytes_, each.time, None)
    return builder.timeline()


def _plan(timeline: Timeline, target: Target) -> Plan:
    return make_plan(timeline, target, database=None, replica="test", url="test")


def _theirs(found: list[oracle.Stored], **target: object) -> list[oracle.Stored]:
    try:
        return oracle.plan(found, **target)  # type: ignore[arg-type]
    except oracle.NoPlan:
        return []


def _reaches(plan: Plan) -> int:
    """Return the TXID that the plan's files lead to, one going on from the other."""
    run = [each for each in (plan.base, *plan.changes) if isinstance(each, LtxFile)]
    assert len(run) == plan.objects
    assert run[0].min_txid == 1
    for earlier, later in pairwise(run):
        assert later.min_txid <= earlier.max_txid + 1 <= later.max_txid
    assert plan.point.position == Txid(run[-1].max_txid)
    return run[-1].max_txid


def _has_hole(found: list[oracle.Stored]) -> bool:
    """Tell whether no change leads on from some state, though later files are there."""
    changes = [each for each in found if each.level != oracle.SNAPSHOTS]
    return any(
        not any(each.min_txid <= txid + 1 <= each.max_txid for each in changes)
        for txid in [0, *oracle.restorable(found)]
        if txid < max(each.max_txid for each in found)
    )


def _bytes(run: list[oracle.Stored], found: list[oracle.Stored], size: list[int]) -> int:
    return sum(size[found.index(each)] for each in run)


@given(listings, sizes)
@examples(300)
def test_a_txid_is_reached_exactly_when_litestream_reaches_it(
    found: list[oracle.Stored], size: list[int]
) -> None:
    timeline = _timeline(found, size)
    for txid in range(1, MOST + 2):
        theirs = _theirs(found, txid=txid)
        try:
            plan = _plan(timeline, AtTxid(txid))
        except (OutsideCoverage, DamagedError):
            assert not theirs, txid
        else:
            assert theirs, txid
            assert _reaches(plan) == txid
            assert plan.fetch_bytes <= _bytes(theirs, found, size)


@given(listings, sizes)
@examples(300)
def test_a_time_gives_the_same_state(found: list[oracle.Stored], size: list[int]) -> None:
    timeline = _timeline(found, size)
    times = {each.time + timedelta(microseconds=more) for each in found for more in (-1, 0, 1)}
    for time in sorted(times):
        theirs = _theirs(found, before=time)
        reached = theirs[-1].max_txid if theirs and theirs[0].min_txid == 1 else 0
        try:
            plan = _plan(timeline, AtTime(time))
        except OutsideCoverage:
            # Litestream takes what stands alone in front of an expired stretch for the state of all of it.
            assert not reached or time > max(each.time for each in found) or _has_hole(found), time
        except DamagedError:
            assert _has_hole(found), time
        else:
            assert _reaches(plan) == reached, time
            assert all(each.time < time for each in (plan.base, *plan.changes))
            assert plan.fetch_bytes <= _bytes(theirs, found, size)


@given(listings, sizes)
@examples(300)
def test_the_latest_state_is_the_same(found: list[oracle.Stored], size: list[int]) -> None:
    theirs = _theirs(found)
    try:
        plan = _plan(_timeline(found, size), Latest())
    except DamagedError:
        reached = _theirs(found, before=datetime.max.replace(tzinfo=UTC))
        assert not reached or reached[0].min_txid > 1 or not theirs
    else:
        assert theirs
        assert _reaches(plan) == theirs[-1].max_txid
        assert plan.fetch_bytes <= _bytes(theirs, found, size)


@pytest.mark.parametrize("name", cases("v05"))
def test_a_real_replica_is_planned_the_same(name: str, tmp_path: Path) -> None:
    replica = case(name, tmp_path).replica
    found = oracle.stored(replica)
    timeline = scan(FileStore(replica))
    for time in (each.time + timedelta(milliseconds=more) for each in found for more in (0, 1)):
        theirs = _theirs(found, before=time)
        try:
            assert _reaches(_plan(timeline, AtTime(time))) == theirs[-1].max_txid
        except OutsideCoverage:
            assert not theirs or time > max(each.time for each in found)
