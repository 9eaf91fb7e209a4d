"""Objects by name: every spelling an operator may have at hand leads to the object, or says why not."""

from __future__ import annotations

import pytest

from sqlite_recovery_tui.anatomy.find import around, base_of, find, objects
from sqlite_recovery_tui.errors import NotFoundError, UsageError
from tests.anatomy.stock import GENERATION, Shelf, three_transactions

OTHER = "6" * 16


@pytest.fixture
def shelf() -> Shelf:
    made = Shelf()
    made.snapshot(2, b"db")
    made.wal(three_transactions(), 1, 3, index=2)
    made.wal(three_transactions(), index=3)
    return made


def test_a_key_a_file_name_and_a_position_are_one(shelf: Shelf) -> None:
    timeline = shelf.timeline
    second = timeline.generations[0].segments[1]
    name = second.key.rpartition("/")[2]
    for text in (
        second.key, name, str(second.position), second.label, f"2:{second.offset:x}",
        f"{GENERATION.upper()}/2:{second.offset + 40:x}",
    ):  # fmt: skip
        assert find(timeline, text) == second, text


def test_a_snapshot_is_found_by_its_index(shelf: Shelf) -> None:
    assert find(shelf.timeline, "00000002") == find(shelf.timeline, "0x2") == find(
        shelf.timeline, "00000002.snapshot.lz4"
    )  # fmt: skip


def test_a_txid_leads_to_the_finest_file_that_has_it() -> None:
    shelf = Shelf()
    base, wide, fine = shelf.ltx(9, 1, 9, b"x"), shelf.ltx(1, 1, 8, b"x"), shelf.ltx(0, 8, 8, b"x")
    also = shelf.ltx(2, 1, 8, b"x")
    expected = {"8": fine, f"{2:016x}": wide, "9": base, "1-8": wide, also.key: also}
    assert {text: find(shelf.timeline, text).key for text in expected} == {
        text: item.key for text, item in expected.items()
    }
    with pytest.raises(NotFoundError, match="TXIDs 3-4"):
        find(shelf.timeline, "3-4")
    with pytest.raises(UsageError, match="2 objects"):
        find(shelf.timeline, also.key.rpartition("/")[2])


@pytest.mark.parametrize("text", ["", "nonsense", "9:0", "77", "../../etc/passwd", "[/]", "a" * 9999])
def test_what_is_not_there_is_said(shelf: Shelf, text: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        find(shelf.timeline, text)
    assert caught.value.hint


def test_a_position_of_two_generations_asks_which(shelf: Shelf) -> None:
    key = next(iter(shelf.timeline.generations[0].segments)).key
    shelf.store.put(key.replace(GENERATION, OTHER), b"x")
    with pytest.raises(UsageError, match="2 objects"):
        find(shelf.timeline, "2:0")
    assert find(shelf.timeline, f"{OTHER}/2:0").key.split("/")[1] == OTHER


def test_what_lies_around_a_segment(shelf: Shelf) -> None:
    timeline = shelf.timeline
    first, second, third, next_wal = timeline.generations[0].segments
    assert around(timeline, third) == (first, second)
    assert around(timeline, first) == (first, None)
    assert around(timeline, next_wal) == (next_wal, None)
    assert base_of(timeline, next_wal) == timeline.generations[0].snapshots[0]
    assert [item.key for item in objects(timeline)][:2] == [
        timeline.generations[0].snapshots[0].key, first.key,
    ]  # fmt: skip
