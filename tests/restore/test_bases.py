"""Which snapshot a state is built on: the newest, unless it is damaged, foreign or newer than the state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import DamagedError
from tests.support.generation_writer import GenerationWriter
from tests.support.shelf import Shelf, at, content_of, proof_of, restore_to


@contextmanager
def writer(folder: Path, shelf: Shelf, *generations: str) -> Iterator[GenerationWriter]:
    """Open a database with two tables and its first snapshot."""
    with GenerationWriter(
        folder / "app.db", shelf.take, page_size=512, keep_states=True, generation_ids=generations
    ) as writer:
        writer.connection.execute("CREATE TABLE a(id INTEGER PRIMARY KEY, word TEXT)")
        writer.connection.execute("CREATE TABLE b(id INTEGER PRIMARY KEY, word TEXT)")
        writer.checkpoint("TRUNCATE")
        writer.new_generation(at(0))
        yield writer


def grow(writer: GenerationWriter, seconds: float, *, commits: int = 3) -> None:
    """Commit rows that take pages, each commit shipped a second after the one before."""
    for number in range(commits):
        writer.connection.execute("INSERT INTO a(word) VALUES (hex(randomblob(300)))")
        writer.ship(at(seconds + number))


@pytest.fixture
def doubtful(tmp_path: Path) -> Iterator[tuple[Shelf, GenerationWriter]]:
    """A replica that ends a moment behind its second snapshot: nothing says how much that one holds."""
    shelf = Shelf()
    with writer(tmp_path, shelf) as it:
        grow(it, 10)
        it.checkpoint("TRUNCATE")
        it.snapshot(at(20))
        it.connection.execute("UPDATE a SET word = 'changed in place' WHERE id = 1")
        it.ship(at(20.5))
        yield shelf, it


def test_a_doubt_is_settled_by_an_earlier_snapshot(
    doubtful: tuple[Shelf, GenerationWriter], tmp_path: Path
) -> None:
    shelf, it = doubtful
    result = restore_to(tmp_path / "out.db", shelf)
    assert (tmp_path / "out.db").read_bytes() == it.commits[-1].state
    assert result.plan.base.index == 0
    assert not any("may be newer" in text for text in result.unproven)
    assert "an earlier one was used" in result.notes[0]


@pytest.mark.parametrize("to_last_good", [False, True])
def test_a_doubt_is_said_where_the_earlier_snapshot_leads_nowhere(
    to_last_good: bool, doubtful: tuple[Shelf, GenerationWriter], tmp_path: Path
) -> None:
    shelf, it = doubtful
    shelf.drop(shelf.keys("wal/00000000")[1])
    result = restore_to(tmp_path / "out.db", shelf, to_last_good=to_last_good)
    assert (tmp_path / "out.db").read_bytes() == it.commits[-1].state
    assert result.plan.base.index == 1
    assert any("may be newer" in text for text in result.unproven)
    assert (result.continuity, result.lost) == ("consistent", ())


def test_a_segment_stored_well_behind_the_snapshot_leaves_no_doubt(
    doubtful: tuple[Shelf, GenerationWriter], tmp_path: Path
) -> None:
    shelf, it = doubtful
    it.connection.execute("UPDATE a SET word = 'later' WHERE id = 1")
    it.ship(at(30))
    result = restore_to(tmp_path / "out.db", shelf)
    assert (tmp_path / "out.db").read_bytes() == it.commits[-1].state
    assert (result.plan.base.index, result.continuity, result.notes) == (1, "proven", ())


@pytest.mark.parametrize("which", ["older", "newer"])
def test_a_snapshot_of_another_generation_is_passed_by(which: str, tmp_path: Path) -> None:
    """Page 1's change counter and the number of pages betray it."""
    shelf, ids = Shelf(), ["a" * 16, "b" * 16]
    with writer(tmp_path, shelf, *ids) as it:
        for start in (10, 50):
            for snapshot in (0, 1):
                grow(it, start + 10 * snapshot)
                with_other_connection(it, start + snapshot)
                it.ship(at(start + 10 * snapshot + 5))
                it.checkpoint("TRUNCATE")
                if snapshot == 0:
                    it.snapshot(at(start + 8))
            if start == 10:
                it.new_generation(at(40))
        states = {commit.position.generation: commit.state for commit in it.commits}
    mine, theirs = ids if which == "newer" else reversed(ids)
    (foreign,) = shelf.keys(f"{theirs}/snapshots/00000001")
    (spoilt,) = shelf.keys(f"{mine}/snapshots/00000001")
    shelf.replace(spoilt, shelf.data(foreign))

    result = restore_to(tmp_path / "out.db", shelf, generation=mine)
    assert (tmp_path / "out.db").read_bytes() == states[mine]
    assert result.plan.base.index == 0
    assert "not of one history" in result.notes[0]
    assert spoilt in [fault.object for fault in proof_of(shelf).faults]

    (first,) = shelf.keys(f"{mine}/snapshots/00000000")
    shelf.drop(first)
    with pytest.raises(DamagedError) as caught:
        content_of(shelf, generation=mine)
    assert caught.value.object == spoilt
    with pytest.raises(DamagedError):
        content_of(shelf, generation=mine, to_last_good=True)


def with_other_connection(it: GenerationWriter, number: int) -> None:
    """Write page 1 through connections of their own, as applications that come and go do."""
    import apsw

    for part in range(3):
        other = apsw.Connection(str(it.database))
        other.execute("PRAGMA wal_autocheckpoint=0").fetchall()
        other.set_wal_hook(it._on_commit)
        other.execute(f"CREATE TABLE other_{number}_{part}(x)")
        other.close()


def test_what_lies_behind_the_damage_may_be_another_generation(tmp_path: Path) -> None:
    shelf = Shelf()
    with writer(tmp_path, shelf, "a" * 16, "b" * 16) as it:
        grow(it, 10)
        it.new_generation(at(100))
        state = it.commits[-1].state
        grow(it, 110)
    lost = shelf.keys("a/wal/")[1]
    shelf.drop(lost)
    with pytest.raises(DamagedError) as caught:
        content_of(shelf, at(12))
    assert caught.value.object == lost
    assert caught.value.next_good is not None
    assert caught.value.next_good.position.generation == "b" * 16
    assert content_of(shelf, caught.value.next_good.time) == state
    (fault,) = proof_of(shelf).faults
    assert (fault.object, fault.next_good) == (lost, caught.value.next_good)
