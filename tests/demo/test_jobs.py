"""The sample queue is what Litestream v0.5 leaves, and it can be brought back to before the script."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import apsw
import pytest

from sqlite_recovery_tui import config
from sqlite_recovery_tui.demo.jobs import JobsIncident, build
from sqlite_recovery_tui.demo.levels import LevelWriter
from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.verify.replica import ReplicaProof, verify_replica
from tests.support import ltx_oracle as oracle
from tests.support.litestream import litestream

END = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> JobsIncident:
    folder = tmp_path_factory.mktemp("jobs")
    return build(folder / "live" / "jobs.db", folder / "replica", end=END, random=Random(7))


def look(replica: Path) -> tuple[Timeline, ReplicaProof]:
    store = open_store(config.replica_from_url(str(replica)))
    try:
        timeline = scan(store)
        return timeline, verify_replica(store, timeline)
    finally:
        store.close()


def waiting(database: bytes) -> int:
    connection = apsw.Connection(":memory:")
    try:
        connection.deserialize("main", database[:18] + b"\x01\x01" + database[20:])  # no WAL in memory
        return int(next(connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'"))[0])
    finally:
        connection.close()


def test_litestream_restores_the_database_byte_for_byte(incident: JobsIncident, tmp_path: Path) -> None:
    output = tmp_path / "jobs.db"
    command = [litestream("0.5.17"), "restore", "-o", output, incident.replica.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert output.read_bytes() == incident.database.read_bytes()


def test_the_moment_of_the_script_has_all_jobs_and_the_next_has_none(incident: JobsIncident) -> None:
    before = oracle.restore(incident.replica, before=incident.script_time)
    after = oracle.restore(incident.replica, before=incident.script_time + timedelta(seconds=60))
    assert waiting(before) > 300
    assert waiting(after) < waiting(before) / 10
    assert abs(waiting(before) - incident.lost) < 60


def test_it_has_levels_a_snapshot_and_an_expired_level_0(incident: JobsIncident) -> None:
    timeline, proof = look(incident.replica)
    lineage = timeline.ltx
    assert lineage is not None
    assert list(lineage.levels) == [0, 1, 2, 9]
    assert min(file.time for file in lineage.levels[0]) >= END - timedelta(minutes=5, seconds=30)
    assert timeline.gaps() == []
    assert (proof.verdict, proof.faults) == ("proven", ())


def test_levels_hold_what_their_syncs_hold(tmp_path: Path) -> None:
    at = [END + timedelta(seconds=seconds) for seconds in range(20)]
    states: dict[int, bytes] = {}
    with LevelWriter(tmp_path / "a.db", tmp_path / "replica", page_size=512) as writer:
        writer.connection.execute("CREATE TABLE t(word TEXT)")
        for number in range(12):
            writer.connection.execute("INSERT INTO t VALUES (hex(randomblob(400)))")
            if number == 7:
                writer.connection.execute("DELETE FROM t WHERE rowid > 2; VACUUM")
            if number == 4:
                writer.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            assert writer.sync(at[number])
            states[writer.txid] = bytes(writer.connection.serialize("main"))
            if number % 4 == 3:
                assert writer.compact(1)
        assert not writer.sync(at[12])
        assert writer.compact(2)
        assert not writer.compact(2)
        writer.snapshot(at[13])
        writer.expire(0, at[10])
    assert look(tmp_path / "replica")[1].verdict == "proven"
    found = oracle.stored(tmp_path / "replica")
    assert oracle.restorable(found) == [4, 8, 12]
    for txid in (4, 8, 12):
        assert oracle.restore(tmp_path / "replica", txid=txid) == states[txid]
    assert look(tmp_path / "replica")[0].newest.position == Txid(12)  # type: ignore[union-attr]
