"""Damage to LTX replicas: gone round where another level allows it, else named with the good points near."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.restore.target import AtTime, AtTxid, Latest, Target
from sqlite_recovery_tui.storage.files import FileStore
from tests.support import ltx_oracle as oracle
from tests.support.ltx_cli import refused, restored, sqlrecover
from tests.support.ltx_small import PAGE_SIZE, SmallReplica, small
from tests.support.shelf import content_of, proof_of, restore_to

NONE: tuple[int | None, int | None] = (None, None)


def _content(replica: SmallReplica, target: Target | None = None, **how: bool) -> bytes:
    return content_of(FileStore(replica.folder), target, **how)


def _damage(replica: SmallReplica, output: Path, target: Target | None = None) -> DamagedError:
    """Ask for a restore that has to be refused as damaged."""
    with pytest.raises(DamagedError) as caught:
        restore_to(output, FileStore(replica.folder), target)
    assert not output.exists()
    return caught.value


def _around(error: DamagedError) -> tuple[int | None, int | None]:
    """Return the TXIDs of the good points in front of a damage and behind it."""
    before, after = (point.position if point else None for point in (error.last_good, error.next_good))
    assert before is None or isinstance(before, Txid)
    assert after is None or isinstance(after, Txid)
    return (before.value if before else None, after.value if after else None)


# What is missing


def test_a_missing_level_0_file_that_level_1_covers_is_no_loss(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6", 1: "3-4"})
    replica.path(0, 3).unlink()
    assert _content(replica) == replica.states[6]
    assert _content(replica, AtTxid(4)) == replica.states[4]
    answer = refused(tmp_path / "out.db", [replica.url], "-txid", f"{3:016x}")
    assert answer.code == 3
    assert answer.error["nearest_before"]["position"] == {"txid": f"{2:016x}"}
    assert answer.error["nearest_after"]["position"] == {"txid": f"{4:016x}"}


@pytest.mark.parametrize("target", [None, AtTxid(4), AtTxid(5), AtTxid(6)], ids=str)
def test_an_uncovered_hole_is_refused_with_the_good_points_around(
    target: Target | None, tmp_path: Path
) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6"})
    replica.path(0, 4).unlink()
    error = _damage(replica, tmp_path / "out.db", target)
    assert error.code == 4
    assert f"{4:016x}" in error.message
    assert _around(error) == (3, None)
    assert _content(replica, AtTxid(3)) == replica.states[3]
    assert _content(replica, target, to_last_good=True) == replica.states[3]


def test_a_snapshot_behind_a_hole_is_named_and_restores(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6", 9: "1-5"})
    replica.path(0, 3).unlink()
    assert _content(replica) == replica.states[6]
    error = _damage(replica, tmp_path / "out.db", AtTxid(4))
    assert _around(error) == (2, 5)
    error = _damage(replica, tmp_path / "out.db", AtTime(replica.time(5)))
    assert _around(error) == (2, 5)
    answer = refused(tmp_path / "out.db", [replica.url], "-txid", f"{4:016x}")
    assert answer.code == 4
    assert answer.error["last_good"]["position"] == {"txid": f"{2:016x}"}
    assert answer.error["next_good"]["position"] == {"txid": f"{5:016x}"}


def test_without_any_file_of_txid_1_nothing_can_be_restored(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "2 3"}, count=3)
    assert _around(_damage(replica, tmp_path / "out.db")) == NONE


def test_the_newest_file_missing_gives_the_state_before_it(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6"})
    replica.path(0, 6).unlink()
    content, answer = restored(tmp_path / "out.db", [replica.url])
    assert content == replica.states[5]
    assert answer.txid == 5


# What is spoilt


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _empty(data: bytes) -> bytes:
    return b""


def _flip(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


def _zero(data: bytes) -> bytes:
    return bytes(len(data))


def _lengthen(data: bytes) -> bytes:
    return data + b"\0"


SPOILT: list[Callable[[bytes], bytes]] = [_cut, _empty, _flip, _zero, _lengthen]


@pytest.mark.parametrize("how", SPOILT, ids=lambda each: each.__name__.strip("_"))
def test_a_spoilt_snapshot_is_gone_round_by_the_lower_levels(
    how: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6", 9: "1-5"})
    snapshot = replica.path(9, 1, 5)
    replica.change(snapshot, how)
    content, answer = restored(tmp_path / "out.db", [replica.url])
    assert content == replica.states[6]
    assert any(snapshot.name in note for note in answer.document["notes"])
    assert answer.document["continuity"] == "proven"
    proof = proof_of(FileStore(replica.folder))
    assert proof.verdict == "damaged"
    assert [fault.object for fault in proof.faults] == ["ltx/9/" + snapshot.name]


@pytest.mark.parametrize("how", SPOILT, ids=lambda each: each.__name__.strip("_"))
def test_a_spoilt_change_that_nothing_replaces_is_refused_by_name(
    how: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6", 9: "1-5"})
    spoilt = replica.path(0, 6)
    replica.change(spoilt, how)
    error = _damage(replica, tmp_path / "out.db")
    assert spoilt.name in error.object
    assert _around(error) == (5, None)
    result = restore_to(tmp_path / "out.db", FileStore(replica.folder), to_last_good=True)
    assert result.output.read_bytes() == replica.states[5]
    assert any(spoilt.name in each for each in (*result.lost, *result.notes))
    assert sqlrecover("verify", replica.url).code == 4


def test_a_spoilt_change_names_the_states_on_both_sides(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6", 9: "1-5"})
    spoilt = replica.path(0, 3)
    replica.change(spoilt, _cut)
    error = _damage(replica, tmp_path / "out.db", AtTxid(4))
    assert spoilt.name in error.object
    assert _around(error) == (2, 5)
    assert _content(replica) == replica.states[6]  # which does not need it


def test_several_spoilt_files_are_gone_round_together(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6", 1: "1-2 3-4 5-6", 2: "1-4", 9: "1-2 1-6"})
    spoilt = [replica.path(9, 1, 6), replica.path(2, 1, 4), replica.path(1, 5, 6), replica.path(0, 3)]
    for path in spoilt:
        replica.change(path, _cut)
    for txid in (2, 4, 5, 6):
        assert _content(replica, AtTxid(txid)) == replica.states[txid], txid
    error = _damage(replica, tmp_path / "out.db", AtTxid(3))
    assert _around(error) == (2, 4)


def test_a_damage_behind_the_target_does_not_matter(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6"})
    replica.change(replica.path(0, 5), _cut)
    for txid in range(1, 5):
        assert _content(replica, AtTxid(txid)) == replica.states[txid]
        assert _content(replica, AtTime(replica.time(txid + 1))) == replica.states[txid]


# What is at the wrong place


def test_swapped_files_are_refused_by_name(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6"})
    first, second = replica.path(0, 3), replica.path(0, 4)
    one, other = first.read_bytes(), second.read_bytes()
    replica.put(first, other)
    replica.put(second, one)
    error = _damage(replica, tmp_path / "out.db")
    assert first.name in error.object or second.name in error.object
    assert _around(error) == (2, None)


def test_a_renamed_file_is_refused_by_name(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 6"})
    replica.rename(replica.path(0, 6), replica.path(0, 5))
    error = _damage(replica, tmp_path / "out.db")
    assert replica.path(0, 5).name in error.object
    assert _around(error) == (4, None)


def test_a_file_of_another_database_is_refused_where_it_differs(tmp_path: Path) -> None:
    """Of another page size; one of the same size and name cannot be told from its own."""
    replica = small(tmp_path, {0: "1 2 3"}, count=3)
    path = replica.path(0, 3)
    page = bytes(2 * PAGE_SIZE)
    ltx = oracle.Ltx(2 * PAGE_SIZE, 2, 3, 3, replica.ltx(3, 3).timestamp, {2: page})
    replica.put(path, oracle.write(ltx))
    error = _damage(replica, tmp_path / "out.db")
    assert path.name in error.object
    assert _around(error) == (2, None)


def test_a_copy_at_another_level_is_just_another_way(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3"}, count=3)
    replica.path(2, 1).parent.mkdir()
    shutil.move(replica.path(0, 2), replica.path(2, 2))
    assert _content(replica) == replica.states[3]


# What is sealed, and wrong


def _pages_lacking(ltx: oracle.Ltx) -> oracle.Ltx:
    return replace(ltx, pages={number: ltx.pages[number] for number in [*ltx.pages][:-1]})


WRONG: dict[str, Callable[[oracle.Ltx], oracle.Ltx]] = {
    "the TXIDs of another file": lambda ltx: replace(ltx, min_txid=2, max_txid=2),
    "a page behind the end": lambda ltx: replace(ltx, commit=ltx.commit - 1),
    "a page that is missing": _pages_lacking,
    "a database of no pages": lambda ltx: replace(ltx, commit=0, pages={}),
    "an unknown flag": lambda ltx: replace(ltx, flags=6),
    "another page size": lambda ltx: replace(ltx, page_size=1000),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("way_around", [False, True])
def test_a_sealed_snapshot_that_breaks_a_rule_is_refused_or_gone_round(
    what: str, way_around: bool, tmp_path: Path
) -> None:
    files = {0: "1 2 3", 9: "1-3"} if way_around else {9: "1-3"}
    replica = small(tmp_path, files, count=3)
    path = replica.path(9, 1, 3)
    replica.put(path, oracle.write(WRONG[what](replica.ltx(1, 3))))
    if way_around:
        assert _content(replica) == replica.states[3]
        return
    error = _damage(replica, tmp_path / "out.db")
    assert path.name in error.object
    assert _around(error) == NONE


def _swap_pages(data: bytes) -> bytes:
    """Put the page frames in another order, index included, and seal it."""
    (first, length), (second, more), *_ = (place for _, place in oracle.frames(data))
    swapped = data[:first] + data[second : second + more] + data[first : first + length]
    swapped += data[second + more :]
    return oracle.reseal(oracle.reindex(swapped))


def _wrong_index(data: bytes) -> bytes:
    (start, _), *_ = (place for _, place in oracle.frames(data))
    at = data.index(bytes(6), start) + 6
    return oracle.reseal(data[:at] + bytes([data[at] ^ 2]) + data[at + 1 :])


def _twice(data: bytes) -> bytes:
    (start, length), *_ = (place for _, place in oracle.frames(data))
    frame = data[start : start + length]
    return oracle.reseal(oracle.reindex(data[:start] + frame + data[start:]))


def _checksum_in_spite_of_the_flag(data: bytes) -> bytes:
    return oracle.reseal(data[:-16] + struct.pack(">Q", 1 << 63) + data[-8:])


@pytest.mark.parametrize(
    "how",
    [_swap_pages, _wrong_index, _twice, _checksum_in_spite_of_the_flag],
    ids=lambda each: each.__name__.strip("_"),
)
def test_a_sealed_file_whose_bytes_contradict_one_another_is_refused(
    how: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6"})
    txid = next(each for each in range(2, 7) if len(replica.ltx(each, each).pages) > 1)
    path = replica.path(0, txid)
    replica.change(path, how)
    with pytest.raises(oracle.Damaged):
        oracle.read(path.read_bytes())
    error = _damage(replica, tmp_path / "out.db")
    assert path.name in error.object
    assert _around(error) == (txid - 1, None)


def test_untouched_all_targets_restore(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6", 1: "1-2 3-4", 2: "1-4", 9: "1-5"})
    assert _content(replica, Latest()) == replica.states[6]
    for txid in range(1, 7):
        assert _content(replica, AtTxid(txid)) == replica.states[txid]
    proof = proof_of(FileStore(replica.folder))
    assert proof.verdict == "proven"
    assert proof.faults == ()
