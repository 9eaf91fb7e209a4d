"""LTX files are dated as their writer dated them, at the price of few requests, or of none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui import config
from sqlite_recovery_tui.domain import LtxFile, Txid
from sqlite_recovery_tui.errors import AccessDenied, Cancelled
from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.formats.ltx.names import file_key
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.replica.fleet import ReplicaRef, scan_replica
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.replica.times import CLOCKS, COPIED, exact_times
from sqlite_recovery_tui.storage.files import FileStore
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.corpus import Case, case
from tests.support.faults import FaultyStore
from tests.support.listings import at
from tests.support.ltx_objects import put_replica
from tests.support.properties import examples
from tests.support.servers import S3Server, moto_s3

HOUR = 3600.0


@dataclass
class Bucket:
    """An object service in memory that lists when objects arrived, and how many of them were asked."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(lists_written_times=False))
    front: FaultyStore = field(init=False)

    def __post_init__(self) -> None:
        self.front = FaultyStore(self.store)

    def put(
        self, level: int, low: int, high: int, written: float, arrived: float, *, noted: bool = True
    ) -> str:
        """Store a file of TXIDs `low` to `high`; times are seconds after the start."""
        key = file_key(level, low, high)
        milliseconds = round(at(written).timestamp() * 1000)
        self.store.put(key, Header(512, 1, low, high, timestamp_ms=milliseconds).encode())
        self.store.set_time(key, at(arrived))
        self.store.set_written_time(key, at(written) if noted else None)
        return key

    def scan(self) -> Timeline:
        return scan(self.front)

    def asked(self) -> list[str]:
        """Return the keys whose date was asked for, by either way."""
        return [key for operation, key in self.front.calls if operation in ("head", "get")]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def ltx(timeline: Timeline) -> LtxLineage:
    assert timeline.ltx is not None
    return timeline.ltx


def times(timeline: Timeline) -> dict[str, datetime]:
    return {file.key: file.time for file in ltx(timeline).files}


def test_all_files_are_dated_as_noted_beside_them(bucket: Bucket) -> None:
    first, second = bucket.put(9, 1, 1, 10, 14), bucket.put(0, 2, 2, 20, 23)
    listed = bucket.scan()
    assert times(listed) == {first: at(14), second: at(23)}
    assert times(exact_times(bucket.front, listed)) == {first: at(10), second: at(20)}
    assert bucket.front.count("get") == 0


def test_a_moment_between_writing_and_arrival_takes_the_file_in(bucket: Bucket) -> None:
    bucket.put(9, 1, 1, 10, 14)
    bucket.put(0, 2, 2, 20, 23)
    for moment, txid in ((20, 1), (20.001, 2), (22, 2)):
        exact = exact_times(bucket.front, bucket.scan(), around=at(moment))
        point = exact.at_or_before(at(moment))
        assert point is not None
        assert point.position == Txid(txid)
        assert point.time == at(10 * txid)


def test_only_files_that_may_matter_are_asked(bucket: Bucket) -> None:
    old = [bucket.put(0, txid, txid, 10 * txid, 10 * txid + 2) for txid in range(1, 400)]
    moment = at(10 * 300 + 5)
    listed = bucket.scan()
    point = exact_times(bucket.front, listed, around=moment).at_or_before(moment)
    assert point is not None
    assert (point.position, point.time) == (Txid(300), at(3000))
    asked = bucket.asked()
    assert len(asked) == len(set(asked))
    assert set(asked) == {key for key in old if times(listed)[key] >= moment - CLOCKS}


@pytest.mark.parametrize("seconds", [-5, 15, 10_003, 20_000.5, 29_999, 40_000])
@pytest.mark.parametrize("delay", [400, -600], ids=["late", "clock-ahead"])
def test_of_thousands_of_files_few_are_asked(bucket: Bucket, seconds: float, delay: float) -> None:
    for txid in range(1, 3001):
        bucket.put(0, txid, txid, 10 * txid, 10 * txid + delay)
        if txid % 100 == 0:
            bucket.put(9, 1, txid, 10 * txid + 1, 10 * txid + delay + 500)
    listed = bucket.scan()
    some = ltx(exact_times(bucket.front, listed, around=at(seconds)))
    assert len(set(bucket.asked())) < 250
    every = ltx(exact_times(bucket.front, listed))
    assert some.at_or_before(at(seconds)) == every.at_or_before(at(seconds))
    assert some.after(at(seconds)) == every.after(at(seconds))


def test_a_late_snapshot_among_thousands_of_files_counts_when_it_was_written(bucket: Bucket) -> None:
    """Nothing else leads to its state, or to those behind it."""
    bucket.put(9, 1, 1000, 10_000, 12_000)
    for txid in range(1001, 2000):
        bucket.put(0, txid, txid, 10 * txid, 10 * txid + 1)
    for seconds, reached in ((10_000.5, 1000), (11_000.5, 1100)):
        point = exact_times(bucket.front, bucket.scan(), around=at(seconds)).at_or_before(at(seconds))
        assert point is not None
        assert (point.position, point.time) == (Txid(reached), at(10 * reached))


def test_a_step_of_the_writers_clock_changes_nothing_when_few_are_asked(bucket: Bucket) -> None:
    """The clock goes back by half a minute, and shows each second of it twice."""
    for txid in range(1, 2001):
        bucket.put(0, txid, txid, txid - (30 if txid > 1000 else 0), txid + 2)
    listed = bucket.scan()
    every = ltx(exact_times(bucket.front, listed))
    for seconds in range(960, 1010, 5):
        some = ltx(exact_times(bucket.front, listed, around=at(seconds)))
        assert some.at_or_before(at(seconds)) == every.at_or_before(at(seconds))


def test_the_state_itself_is_dated_however_old_it_is(bucket: Bucket) -> None:
    """Besides its last file only those are asked that arrived after that was written."""
    bucket.put(9, 1, 3, 10, 15)
    late = bucket.put(1, 4, 8, 40, 95)
    last = bucket.put(0, 9, 9, 60, 62)
    exact = exact_times(bucket.front, bucket.scan(), around=at(10 * HOUR))
    point = exact.at_or_before(at(10 * HOUR))
    assert point is not None
    assert (point.position, point.time) == (Txid(9), at(60))
    assert sorted(bucket.asked()) == sorted([late, last])


def test_the_header_tells_where_nothing_is_noted(bucket: Bucket) -> None:
    noted = bucket.put(9, 1, 1, 10, 14)
    bare = bucket.put(0, 2, 2, 20, 23, noted=False)
    assert times(exact_times(bucket.front, bucket.scan())) == {noted: at(10), bare: at(20)}
    assert [key for operation, key in bucket.front.calls if operation == "get"] == [bare]


def test_where_nothing_is_noted_headers_are_read_at_once(bucket: Bucket) -> None:
    for txid in range(1, 101):
        bucket.put(0, txid, txid, txid, 10 * txid, noted=False)
    exact = exact_times(bucket.front, bucket.scan())
    assert [file.time for file in ltx(exact).files] == [at(txid) for txid in range(1, 101)]
    assert (bucket.front.count("head"), bucket.front.count("get")) == (8, 100)


def test_what_tells_nothing_stays_as_listed(bucket: Bucket) -> None:
    whole = bucket.put(9, 1, 1, 10, 14, noted=False)
    cut, foreign, renamed, gone = (bucket.put(0, txid, txid, 20, 24, noted=False) for txid in (2, 3, 4, 5))
    bucket.store.put(cut, bucket.store.get(cut)[:50])
    bucket.store.put(foreign, b"not an LTX file".ljust(200))
    bucket.store.put(renamed, bucket.store.get(whole))
    for key in (cut, foreign, renamed):
        bucket.store.set_time(key, at(24))
    listed = bucket.scan()
    bucket.store.delete([gone])
    assert times(exact_times(bucket.front, listed)) == {
        whole: at(10),
        **dict.fromkeys((cut, foreign, renamed, gone), at(24)),
    }


def test_a_replica_without_ltx_files_costs_nothing(bucket: Bucket) -> None:
    bucket.store.put("generations/0123456789abcdef/snapshots/00000000.snapshot.lz4", b"x")
    listed = bucket.scan()
    assert exact_times(bucket.front, listed) is listed
    assert bucket.asked() == []


Arrivals = list[tuple[int, int, int, float, float]]
"""Level, TXIDs, when written by the writer's clock, when arrived by the service's."""


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[Arrivals, float]:
    """Return files as a service may hold them, and a moment near the time of one of them.

    Some arrive late, some are compactions, and the writer's clock may be off.
    """
    ahead = draw(st.floats(-900, 899))
    count = draw(st.integers(1, 12))
    gaps = draw(st.lists(st.sampled_from([0.5, 60, 400, 2000]), min_size=count, max_size=count))
    moments = [sum(gaps[: number + 1]) for number in range(count)]
    delays = st.sampled_from([0.0, 0.3, 5, 700, 5000])
    files = [(0, txid, txid, moments[txid - 1], draw(delays)) for txid in range(1, count + 1)]
    for level in (1, 9):
        for _ in range(draw(st.integers(0, 3))):
            high = draw(st.integers(1, count))
            low = 1 if level == 9 else draw(st.integers(1, high))
            files.append((level, low, high, moments[high - 1], draw(delays)))
    stored = [
        (level, low, high, round(time + ahead, 3), time + delay) for level, low, high, time, delay in files
    ]
    near = draw(st.sampled_from(stored))
    return stored, near[draw(st.sampled_from([3, 4]))] + draw(st.sampled_from([-900, -0.001, 0, 0.001, 900]))


@examples(200)
@given(arrivals(), st.booleans(), st.booleans())
def test_what_is_not_asked_could_not_change_the_answer(
    stored: tuple[Arrivals, float], noted: bool, sparing: bool
) -> None:
    """Also when next to none are asked."""
    bucket = Bucket()
    for file in stored[0]:
        bucket.put(*file, noted=noted)
    moment = at(stored[1])
    with pytest.MonkeyPatch.context() as patch:
        for name, few in {"_FEW": 2, "_NEAR": 1, "_PROBES": 2}.items() if sparing else ():
            patch.setattr(f"sqlite_recovery_tui.replica.times.{name}", few)
        some = ltx(exact_times(bucket.front, bucket.scan(), around=moment))
    every = ltx(exact_times(bucket.front, bucket.scan()))
    assert some.at_or_before(moment) == every.at_or_before(moment)
    assert sparing or some.after(moment) == every.after(moment)
    one, other = some.route_at(moment), every.route_at(moment)
    assert (one.files[-1].max_txid if one else None) == (other.files[-1].max_txid if other else None)


def test_a_copy_into_a_bucket_is_noticed_without_a_moment(bucket: Bucket) -> None:
    for txid in range(1, 30):
        bucket.put(0, txid, txid, 10 * txid, 50_000 + (txid % 3), noted=False)
    exact = exact_times(bucket.front, bucket.scan(), around=at(90_000))
    assert exact.warnings == (COPIED,)
    assert [file.time for file in ltx(exact).files] == [at(10 * txid) for txid in range(1, 30)]


def test_what_arrives_slowly_or_at_once_is_not_taken_for_a_copy(bucket: Bucket) -> None:
    for txid in range(1, 10):
        bucket.put(0, txid, txid, txid / 10, 1 + txid / 10)
    listed = bucket.scan()
    assert exact_times(bucket.front, listed, around=at(0)).warnings == ()
    burst = Bucket()
    for txid in range(1, 10):
        burst.put(0, txid, txid, 60 * txid, 700 + txid / 10)
    assert exact_times(burst.front, burst.scan()).warnings == ()


def test_a_late_compaction_is_not_taken_for_a_copy(bucket: Bucket) -> None:
    for txid in range(1, 10):
        bucket.put(0, txid, txid, 60 * txid, 60 * txid + 1)
    bucket.put(1, 1, 5, 300, 300 + 20 * HOUR)
    bucket.put(1, 2, 5, 300, 300 + 19 * HOUR)
    listed = bucket.scan()
    assert any("do not rise" in warning for warning in listed.warnings)
    assert exact_times(bucket.front, listed).warnings == ()


def test_a_copy_of_files_is_dated_by_what_is_inside(tmp_path: Path) -> None:
    replica = case("v05-levels", tmp_path)
    true = times(scan(FileStore(replica.replica)))
    copy = tmp_path / "copy"
    shutil.copytree(replica.replica, copy, copy_function=shutil.copyfile)
    state = _scan(copy)
    assert state.warnings == (COPIED,)
    found = times(state)
    assert found.keys() == true.keys()
    for key, time in true.items():
        assert abs(found[key] - time) < timedelta(milliseconds=1)


@pytest.mark.parametrize("lost", ["first", "last", "all but one"])
def test_a_copy_of_some_files_is_noticed_too(lost: str, tmp_path: Path) -> None:
    replica = case("v05-plain", tmp_path)
    true = times(scan(FileStore(replica.replica)))
    ordered = sorted(true, key=lambda key: key.rpartition("-")[2])
    changed = {"first": ordered[:1], "last": ordered[-1:], "all but one": ordered[1:]}[lost]
    for key in changed:
        os.utime(replica.replica / key)
    state = _scan(replica.replica)
    assert state.warnings == (COPIED,)
    assert all(abs(time - true[key]) < timedelta(milliseconds=1) for key, time in times(state).items())


def test_whole_replicas_are_left_as_they_are(tmp_path: Path) -> None:
    store = FileStore(case("v05-levels", tmp_path).replica)
    listed = scan(store)
    assert exact_times(store, listed, around=at(0)) is listed


def test_a_mended_history_stands_where_it_belongs_in_a_mixed_replica(tmp_path: Path) -> None:
    old, new = case("v03-plain", tmp_path), case("v05-levels", tmp_path)
    shutil.copytree(new.replica / "ltx", old.replica / "ltx")
    for path in old.replica.rglob("*.l??*"):
        later = timedelta(minutes=1 if "generations" in path.parts else 5)
        os.utime(path, ((new.newest + later).timestamp(),) * 2)
    listed, mended = scan(FileStore(old.replica)), _scan(old.replica)
    assert [item.format for item in listed.lineages] != [item.format for item in mended.lineages]
    assert [item.start for item in mended.lineages] == sorted(item.start for item in mended.lineages)


def _scan(folder: Path) -> Timeline:
    state = scan_replica(ReplicaRef(None, config.replica_from_url(folder.as_uri())))
    assert state.timeline is not None
    return state.timeline


def test_who_may_only_list_still_gets_the_listing(bucket: Bucket) -> None:
    for txid in range(1, 5):
        bucket.put(0, txid, txid, txid, 50_000)
    bucket.front.fail("head", times=1000, error=AccessDenied("no", operation="head"))
    listed = bucket.scan()
    with pytest.raises(AccessDenied):
        exact_times(bucket.front, listed, around=at(0))
    files = FaultyStore(MemoryStore())
    files.put(file_key(0, 1, 1), b"x")
    files.fail("get", times=1000, error=AccessDenied("no", operation="get"))
    listed = scan(files)
    assert exact_times(files, listed) is listed


def test_it_can_be_cancelled_and_tells_how_far_it_is(bucket: Bucket) -> None:
    for txid in range(1, 6):
        bucket.put(0, txid, txid, txid, txid + 100 * txid)
    seen: list[Progress] = []
    exact_times(bucket.front, bucket.scan(), progress=seen.append)
    assert [(item.phase, item.done, item.total) for item in seen] == [
        ("reading times", number, 5) for number in range(1, 6)
    ]
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        exact_times(bucket.front, bucket.scan(), cancel=cancel)


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with moto_s3(whole_seconds=True) as server:
        yield server


@pytest.mark.parametrize("as_copy", [False, True], ids=["as-written", "copied"])
def test_objects_of_a_real_service_are_dated_as_their_files(
    as_copy: bool, moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica: Case = case("v05-levels", tmp_path)
    true = {(file.level, file.label): file.time for file in _files(scan(FileStore(replica.replica)))}
    name = moto.make_bucket(f"copied-{as_copy}".lower())
    put_replica(moto, name, "app", replica.replica, listed_as_now=as_copy)
    for variable, value in moto.environ.items():
        monkeypatch.setenv(variable, value)
    url = f"s3://{name}/app?endpoint={moto.endpoint}&region={moto.region}&forcePathStyle=true"
    moment = datetime.fromisoformat(replica.checkpoints[1]["timestamp"]).astimezone(UTC)
    state = scan_replica(ReplicaRef(None, config.replica_from_url(url)), exact_at=moment)
    assert state.timeline is not None
    for file in _files(state.timeline):
        assert abs(file.time - true[file.level, file.label]) < timedelta(milliseconds=1)
    point = state.timeline.at_or_before(moment)
    assert point is not None
    assert point.position == Txid(int(replica.checkpoints[1]["txid"], 16))
    assert (COPIED in state.timeline.warnings) == as_copy


def _files(timeline: Timeline) -> tuple[LtxFile, ...]:
    return ltx(timeline).files
