"""A restore whose process was killed is found, told, and taken up again exactly, or discarded whole."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.domain import Position, RestorePoint, Txid
from sqlite_recovery_tui.errors import Cancelled, RefusedError
from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.replica.fleet import ReplicaRef
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.order import Order
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.resume import resume
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.scratch import MANIFEST, scratch_path
from sqlite_recovery_tui.restore.scratches import scratches
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, AtTxid, Latest, Target
from sqlite_recovery_tui.restore.unfinished import Unfinished, discard, find
from sqlite_recovery_tui.restore.work import WorkDir, work_path
from sqlite_recovery_tui.storage.open import open_store
from tests.support.generation_writer import GenerationWriter
from tests.support.listings import A, at
from tests.support.scratches import PLAN
from tests.support.victims import Victims

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
SEGMENTS = 6
Kill = Callable[..., None]


@dataclass(frozen=True)
class Replica:
    """A replica of a snapshot of several blocks and some segments, and the database they lead to."""

    folder: Path
    writer: GenerationWriter
    truth: bytes

    @property
    def ref(self) -> ReplicaRef:
        return ReplicaRef(None, replica_from_url(self.folder.as_uri()))


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    folder = tmp_path / "source"
    folder.mkdir()
    rng = random.Random(7)
    with GenerationWriter(folder / "app.db", folder / "replica", keep_states=False) as writer:
        connection = writer.connection
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
        for _ in range(9):
            connection.execute("INSERT INTO t(body) VALUES (?)", (rng.randbytes(1 << 20),))
        writer.checkpoint("TRUNCATE")
        writer.new_generation(START)
        for number in range(SEGMENTS):
            connection.execute("INSERT INTO t(body) VALUES (?)", (rng.randbytes(5000),))
            writer.ship(START + timedelta(seconds=number + 1))
        writer.checkpoint("TRUNCATE")
        yield Replica(folder / "replica", writer, (folder / "app.db").read_bytes())


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out" / "app.db"


@pytest.fixture
def kill(mortal: Victims, replica: Replica, output: Path) -> Kill:
    """Restore in a process of its own, which is killed in the middle as by `kill -9`."""

    def run(phase: str = "writing to disk", share: float = 0) -> None:
        output.parent.mkdir(exist_ok=True)
        assert mortal.run(replica.folder.as_uri(), str(output), phase, share) == "killed"
        assert not output.exists()

    return run


def the_one() -> Unfinished:
    (found,) = find()
    return found


def go_on(found: Unfinished, replica: Replica) -> RestoreResult:
    return resume(found, replica.ref)


def test_what_was_killed_is_found_by_what_it_was_for(kill: Kill, replica: Replica, output: Path) -> None:
    kill()
    found = the_one()
    assert found.output == output
    assert found.order.url == replica.folder.as_uri()
    assert found.order.requested == Latest()
    assert found.order.point.time == START + timedelta(seconds=SEGMENTS)
    assert 0.9 < found.fraction <= 1
    assert found.touched.timestamp() <= datetime.now(UTC).timestamp() + 1
    assert found.to_json()["output"] == str(output)


def test_it_is_taken_up_where_it_was_and_nothing_is_left(kill: Kill, replica: Replica, output: Path) -> None:
    kill()
    base = next(replica.folder.rglob("*.snapshot.lz4"))
    result = go_on(the_one(), replica)
    assert output.read_bytes() == replica.truth
    assert result.bytes_fetched < base.stat().st_size / 2, "the snapshot is not read again"
    assert [item.name for item in output.parent.iterdir()] == ["app.db"]
    assert find() == []
    assert list((state_folder() / "restores").iterdir()) == []


def test_it_leads_to_the_state_that_was_planned_and_not_to_a_newer_one(
    kill: Kill, replica: Replica, output: Path
) -> None:
    kill()
    replica.writer.connection.execute("DELETE FROM t")
    replica.writer.ship(START + timedelta(minutes=1))
    go_on(the_one(), replica)
    assert output.read_bytes() == replica.truth


def test_a_replica_that_has_changed_is_refused_and_told(kill: Kill, replica: Replica, output: Path) -> None:
    kill()
    base = next(replica.folder.rglob("*.snapshot.lz4"))
    os.utime(base, (1, 1))
    with pytest.raises(RefusedError, match="has changed since") as caught:
        go_on(the_one(), replica)
    assert "discard" in caught.value.hint
    assert the_one().output == output, "and it can still be discarded"


def test_one_that_runs_is_not_offered(kill: Kill, replica: Replica, output: Path) -> None:
    kill()
    runs = WorkDir(output)
    assert find() == []
    runs.close()
    assert the_one().output == output


def test_discarding_deletes_all_of_it(kill: Kill, replica: Replica, output: Path) -> None:
    kill("fetching snapshot", 0.6)
    discard(the_one())
    assert list(output.parent.iterdir()) == []
    assert find() == []


def test_one_that_runs_again_meanwhile_is_not_discarded(kill: Kill, replica: Replica, output: Path) -> None:
    kill()
    found = the_one()
    runs = WorkDir(output)
    with pytest.raises(RefusedError, match="is running"):
        discard(found)
    runs.close()
    assert the_one() == found


@pytest.mark.parametrize("call", range(3))
def test_one_that_died_while_it_was_placed_is_whole_either_way(
    call: int, mortal: Victims, replica: Replica, output: Path
) -> None:
    output.parent.mkdir()
    assert mortal.run(replica.folder.as_uri(), str(output), "placing", call) in ("killed", "done")
    for found in find():
        go_on(found, replica)
    assert output.read_bytes() == replica.truth
    assert [item.name for item in output.parent.iterdir()] == ["app.db"]


def _plan(replica: Replica) -> Plan:
    store = open_store(replica.ref.replica)
    return make_plan(scan(store), Latest(), database="/srv/app.db", replica="r", url=store.url)


def _stopped(replica: Replica, options: RestoreOptions, *, pause: bool) -> None:
    """Restore, and stop in the middle."""
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.phase == "applying WAL":
            (token.pause if pause else token.cancel)()

    with pytest.raises(Cancelled):
        restore(open_store(replica.ref.replica), _plan(replica), options, progress=stop, cancel=token)


def test_a_scratch_that_was_paused_goes_on_to_its_manifest(replica: Replica, tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    path = scratch_path(folder, "app.db", _plan(replica).point)
    _stopped(replica, RestoreOptions(path, scratch=True), pause=True)
    assert list(scratches(folder)) == [], "half a database is none"
    (found,) = find([folder])
    assert found.database == "app.db"
    go_on(found, replica)
    (made,) = scratches(folder)
    assert (made.path, made.database, made.verdict) == (path, "app.db", "restored")
    assert sorted(item.name for item in path.parent.iterdir()) == ["app.db", MANIFEST]


def test_a_scratch_that_was_paused_and_discarded_leaves_no_directory(
    replica: Replica, tmp_path: Path
) -> None:
    folder = tmp_path / "scratch"
    path = scratch_path(folder, "app.db", _plan(replica).point)
    _stopped(replica, RestoreOptions(path, scratch=True), pause=True)
    discard(find([folder])[0])
    assert list(folder.iterdir()) == []


def test_what_was_cancelled_leaves_nothing_to_take_up(replica: Replica, output: Path) -> None:
    output.parent.mkdir()
    _stopped(replica, RestoreOptions(output), pause=False)
    assert find() == []
    assert list(output.parent.iterdir()) == []


def test_what_nothing_can_be_made_of_is_not_offered(kill: Kill, replica: Replica, output: Path) -> None:
    kill()
    order = work_path(output) / "order"
    for nonsense in ("", "[]", "{}", order.read_text().replace('"kind"', '"sort"')):
        order.write_text(nonsense)
        assert find() == []


@pytest.mark.parametrize(
    "requested",
    [
        Latest(),
        AtTime(at(5), "20 min ago"),
        AtPosition(3, 0x20, A),
        AtPosition(3),
        AtTxid(77),
    ],
)
@pytest.mark.parametrize("position", [Txid(7), Position(A, 1, 2)])
def test_an_order_is_read_as_it_was_written(
    requested: Target, position: Txid | Position, tmp_path: Path
) -> None:
    options = RestoreOptions(Path("/x"), force=True, to_last_good=True, scratch=True, memory_bytes=5)
    for end in (None, position):
        point = RestorePoint(position, at(9), "key", end)
        order = replace(Order.of(PLAN, options, at(3)), requested=requested, point=point, notes=("a", "b"))
        order.write(tmp_path)
        assert Order.read(tmp_path) == order
