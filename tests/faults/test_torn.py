"""A snapshot newer than the frames stored behind it never gives a mix of two states."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Latest, Target
from sqlite_recovery_tui.storage.open import open_store
from tests.support.generation_writer import GenerationWriter

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)


def _torn(folder: Path, *, earlier_base: bool) -> tuple[set[bytes], int]:
    """Write a replica whose newest snapshot holds a transaction of which no frame was shipped.

    A reader lets a checkpoint come only as far as the middle of the WAL, and the snapshot is taken then.
    Returns every state that the database had, and the index of the torn WAL.
    """
    with GenerationWriter(folder / "app.db", folder / "replica", keep_states=True) as writer:
        connection = writer.connection
        for table in ("orders", "payments"):
            connection.execute(f"CREATE TABLE {table}(id INTEGER PRIMARY KEY, word TEXT)")
            connection.execute(f"INSERT INTO {table} VALUES (1, 'first')")
        writer.checkpoint("TRUNCATE")
        writer.new_generation(START)
        if earlier_base:
            connection.execute("UPDATE orders SET word = 'base'")
            writer.ship(START + timedelta(seconds=1))
            writer.checkpoint("TRUNCATE")
        with connection:
            connection.execute("UPDATE orders SET word = 'shipped'")
        with connection:
            connection.execute("UPDATE payments SET word = 'shipped'")
        writer.ship(START + timedelta(seconds=2))
        index = writer.position.index
        with connection:
            connection.execute("UPDATE orders SET word = 'unshipped'")
            connection.execute("CREATE TABLE refunds(id INTEGER PRIMARY KEY)")
        reader = apsw.Connection(str(folder / "app.db"))
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM orders").fetchall()
        with connection:
            connection.execute("UPDATE payments SET word = 'last'")
        writer.checkpoint("PASSIVE")
        writer.snapshot(START + timedelta(seconds=3), checkpoint=None)
        assert writer.position.index == index
        states = {commit.state for commit in writer.commits if commit.state is not None}
        reader.execute("COMMIT")
        reader.close()
        return states, index


def _restore(folder: Path, target: Target, output: Path, *, to_last_good: bool = False) -> bytes:
    store = open_store(replica_from_url((folder / "replica").as_uri()))
    plan = make_plan(
        scan(store), target, database=None, replica="test", url=store.url, to_last_good=to_last_good
    )
    restore(store, plan, RestoreOptions(output, to_last_good=to_last_good))
    return output.read_bytes()


def _targets(index: int) -> list[Target]:
    times = [AtTime(START + timedelta(seconds=seconds)) for seconds in (2, 3)]
    return [Latest(), *times, AtPosition(index)]


def test_with_an_earlier_base_that_one_is_used(tmp_path: Path) -> None:
    states, index = _torn(tmp_path, earlier_base=True)
    outputs = (tmp_path / f"{number}.db" for number in itertools.count())
    for target in _targets(index):
        assert _restore(tmp_path, target, next(outputs)) in states, target


def test_without_one_it_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    _states, index = _torn(tmp_path, earlier_base=False)
    for target in (Latest(), AtPosition(index)):
        with pytest.raises(DamagedError) as caught:
            _restore(tmp_path, target, tmp_path / "out.db")
        assert caught.value.object.endswith(f"{index:08x}.snapshot.lz4")
        assert "newer than the frames" in caught.value.message
        assert not (tmp_path / "out.db").exists()


def test_not_even_the_snapshot_alone_is_given(tmp_path: Path) -> None:
    """Half a checkpoint leaves out pages that were written again behind its mark: alone it is a mix too."""
    _torn(tmp_path, earlier_base=False)
    with pytest.raises(DamagedError):
        _restore(tmp_path, Latest(), tmp_path / "out.db", to_last_good=True)
    assert not (tmp_path / "out.db").exists()
