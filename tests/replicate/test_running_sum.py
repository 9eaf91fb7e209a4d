"""The checksum of the whole database in sidecars: always that of the database, or none at all."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import lz4, page_sums, sidecars
from sqlite_recovery_tui.formats.page_sums import DatabaseSum
from sqlite_recovery_tui.replicate import running_sum
from sqlite_recovery_tui.replicate.stretch import Break
from sqlite_recovery_tui.restore.target import AtPosition
from tests.support.shelf import content_of, folder, proof_of
from tests.support.shipping import Ground, ground


@pytest.fixture
def made() -> Iterator[Ground]:
    with folder() as place, ground(place) as running:
        yield running


def truth(content: bytes, page_size: int = 4096) -> DatabaseSum:
    """Return the checksum of a database, page by page."""
    total = 0
    for at in range(0, len(content), page_size):
        total ^= page_sums.of_page(at // page_size + 1, content[at : at + page_size])
    return DatabaseSum(len(content) // page_size, total)


def end_wal(made: Ground) -> DatabaseSum | None:
    """End the WAL, and return what its sidecar says of the database, which must be true or nothing."""
    content = made.source.state()
    made.source.seal()
    made.turn()
    said = sidecars.decode(made.store.inner.get(sidecars.key(made.spool.generation, made.source.index)))
    assert said is not None
    assert said.database in (None, truth(content))
    return said.database


def test_it_is_that_of_the_database_whatever_is_done_to_it(made: Ground) -> None:
    draw = random.Random(7)
    made.source.run("CREATE TABLE other(a, b)")
    for step in range(14):
        match draw.choice(["grow", "grow", "shrink", "vacuum", "change"]):
            case "grow":
                made.source.run("INSERT INTO other SELECT value, randomblob(900) FROM generate_series(1, 60)")
            case "shrink":
                made.source.run("DELETE FROM other WHERE rowid % 3 = 0")
            case "vacuum":
                made.source.run("DELETE FROM other WHERE rowid % 2 = 0")
                made.source.run("VACUUM")
            case "change":
                made.source.run("UPDATE other SET b = randomblob(700) WHERE rowid % 5 = 1")
        made.source.hand_over()
        made.source.grow()
        if step % 2:
            assert end_wal(made) is not None


def test_a_new_generation_begins_with_its_snapshot(made: Ground) -> None:
    made.source.grow()
    assert end_wal(made) is not None
    made.source.grow()
    made.source.begin(Break("asked", "for the test"))
    made.source.grow()
    assert end_wal(made) is not None


def test_a_process_that_ends_in_order_goes_on_with_it(made: Ground) -> None:
    made.source.grow()
    assert end_wal(made) is not None
    made.source.grow()
    made.begin_again()
    assert made.source.resume()
    made.source.grow()
    assert end_wal(made) is not None


@pytest.mark.parametrize(
    "left", ["of an earlier state", "of another generation", "nothing", "garbage", "cut off", "altered"]
)
def test_after_a_kill_there_is_none_until_the_next_snapshot(made: Ground, left: str) -> None:
    saved = made.folder / "spool" / "sum"
    made.source.grow()
    made.begin_again()
    assert made.source.resume()
    earlier = saved.read_bytes()
    made.source.grow()
    made.spool.close()
    if left == "nothing":
        saved.unlink()
    else:
        whole = saved.read_bytes()
        kept = {
            "garbage": b"\xff{\n",
            "cut off": whole[:-8],
            "altered": whole[:-1] + bytes([whole[-1] ^ 1]),
            "of another generation": whole.replace(made.spool.generation.encode(), b"0123456789abcdef"),
        }
        saved.write_bytes(kept.get(left, earlier))
    made.open()
    assert made.source.resume()
    made.source.grow()
    assert end_wal(made) is None
    made.source.grow()
    assert end_wal(made) is None
    made.source.grow()
    made.source.snapshot()
    made.source.grow()
    assert end_wal(made) is not None


def test_what_was_not_seen_is_not_guessed(made: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    made.source.grow()
    with monkeypatch.context() as patch:
        patch.setattr(running_sum.RunningSum, "see", lambda _self, _stretch: None)
        made.source.grow()
    made.source.grow()
    assert end_wal(made) is None


def test_a_snapshot_that_takes_long_counts_from_where_it_began(made: Ground) -> None:
    made.source.grow()
    made.spool.close()
    (made.folder / "spool" / "sum").unlink()
    made.open()
    assert made.source.resume()
    made.source.seal()
    made.source.grow()
    behind = made.source.frozen(made.source.index)  # no checkpoint: the file is as it was there
    made.source.grow()
    made.spool.snapshot(behind)
    made.source.grow()
    assert end_wal(made) is not None


def test_too_large_a_database_has_none(made: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_sum, "MOST_PAGES", 4)
    made.source.run("INSERT INTO t(body) SELECT randomblob(900) FROM generate_series(1, 60)")
    made.source.hand_over()
    assert end_wal(made) is None
    made.source.begin(Break("asked", "for the test"))
    made.source.grow()
    assert end_wal(made) is None


def test_a_restore_and_a_verification_hold_the_database_against_it(made: Ground) -> None:
    """A snapshot of other content, which all else lets pass, is found by this alone."""
    made.source.run("CREATE TABLE still(a)")
    made.source.run("INSERT INTO still VALUES (randomblob(3000))")
    made.source.hand_over()
    made.source.begin(Break("asked", "for the test"))
    first = made.source.index + 1
    for _ in range(2):
        made.source.grow()
        assert end_wal(made) is not None
    made.source.grow()
    made.turn()
    store, generation = made.store.inner, made.spool.generation
    place = AtPosition(first, None, generation)
    content_of(store, place)
    (proof,) = [item for item in proof_of(store).lineages if item.generation == generation]
    assert proof.faults == ()
    assert proof.to_json()["summed"]["index"] == first + 1

    key = names.snapshot_key(generation, first)
    snapshot = bytearray(lz4.decompress(store.get(key), max_bytes=1 << 20))
    snapshot[-100] ^= 1
    store.put(key, lz4.compress(bytes(snapshot)))
    for index in (first, first + 1):
        with pytest.raises(DamagedError, match="the checksum of all pages differs") as raised:
            content_of(store, AtPosition(index, None, generation))
        assert raised.value.object == key
    (proof,) = [item for item in proof_of(store).lineages if item.generation == generation]
    assert [(fault.object, "checksum of all pages" in fault.message) for fault in proof.faults] == [
        (key, True)
    ]

    said = sidecars.key(generation, first)
    for index in (first, first + 1):  # as Litestream leaves it: nobody can tell
        note = json.loads(store.get(sidecars.key(generation, index)))
        del note["database"]
        store.put(sidecars.key(generation, index), json.dumps(note).encode())
    assert sidecars.decode(store.get(said)) is not None
    content_of(store, place)
