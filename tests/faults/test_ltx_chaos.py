"""Whatever is missing, spoilt or misplaced in an LTX replica: a restore is right, or refused for a reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.errors import DamagedError, NotFoundError
from sqlite_recovery_tui.restore.run import RestoreResult
from sqlite_recovery_tui.restore.target import AtTxid, Latest, Target
from tests.support import ltx_oracle as oracle
from tests.support.ltx_small import SmallReplica, states
from tests.support.properties import examples
from tests.support.shelf import Shelf, folder, restore_to

LAST = 7
HOW = ("cut", "flip", "empty", "other", "longer")


@dataclass(frozen=True)
class Spoilt:
    """A replica as it is found: some files are not what they were."""

    shelf: Shelf
    listed: list[oracle.Stored]
    intact: list[oracle.Stored]


@cache
def _replica() -> SmallReplica:
    """Return what all examples are made of; no argument of a test, lest its bytes be printed."""
    with folder() as made:
        return SmallReplica(made / "replica", states(made, LAST))


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def place() -> Iterator[Path]:
    with folder() as made:
        yield made


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int, int]:
    """Draw a file of a level that compacts, or a snapshot."""
    level = draw(st.sampled_from([1, 1, 2, 3, 9]))
    low = 1 if level == 9 else draw(st.integers(1, LAST))
    return level, low, draw(st.integers(low, LAST))


compacted = st.lists(spans(), max_size=5, unique=True)
missing = st.sets(st.integers(1, LAST), max_size=3)
damages = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(HOW), st.integers(0, 10_000)), max_size=4)


def _files(lost: set[int], more: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return [*((0, txid, txid) for txid in range(1, LAST + 1) if txid not in lost), *more]


def _spoil(files: list[tuple[int, int, int]], damage: list[tuple[int, str, int]]) -> Spoilt:
    """Store the files, spoil some, and find out by the slow reading which are still what they were."""
    replica = _replica()
    good = {span: oracle.write(replica.ltx(*span[1:]), encoding=span[1] % 2) for span in files}
    found = dict(good)
    for number, how, where in damage:
        span = files[number % len(files)]
        found[span] = _spoilt(found[span], how, where, good[files[where % len(files)]])
    shelf = Shelf()
    listed, intact = [], []
    for (level, low, high), data in found.items():
        path = Path(f"ltx/{level}/{low:016x}-{high:016x}.ltx")
        shelf.objects[path.as_posix()] = data, replica.time(high)
        stored = oracle.Stored(level, low, high, replica.time(high), path)
        listed.append(stored)
        if _is_whole(data, low, high):
            intact.append(stored)
    return Spoilt(shelf, listed, intact)


def _spoilt(data: bytes, how: str, where: int, other: bytes) -> bytes:
    at = where % len(data) if data else 0
    match how:
        case "cut":
            return data[:at]
        case "flip" if data:
            return data[:at] + bytes([data[at] ^ 1 << where % 8]) + data[at + 1 :]
        case "other":
            return other
        case "longer":
            return data + b"more"
    return b""


def _is_whole(data: bytes, low: int, high: int) -> bool:
    try:
        ltx = oracle.read(data)
    except oracle.Damaged:
        return False
    return (ltx.min_txid, ltx.max_txid) == (low, high)


def _check(found: Spoilt, target: Target, wanted: int, output: Path) -> None:
    """Restore; where whole files lead to the target it must be reached, else it must be refused."""
    ways = wanted in oracle.restorable(found.intact)
    try:
        result = restore_to(output, found.shelf, target)
    except NotFoundError:
        assert not output.exists()
        assert wanted not in oracle.restorable(found.listed)
    except DamagedError as error:
        assert not output.exists()
        assert not ways, f"{wanted} could have been reached"
        _check_points(error, wanted)
    else:
        assert _is_right(result) == wanted
        assert ways
    output.unlink(missing_ok=True)


def _check_points(error: DamagedError, wanted: int) -> None:
    """The points around a damage lie on both sides of what was asked for."""
    for point in (error.last_good, error.next_good):
        assert point is None or isinstance(point.position, Txid)
    assert error.last_good is None or error.last_good.position < Txid(wanted)
    assert error.next_good is None or error.next_good.position > Txid(wanted)


def _is_right(result: RestoreResult) -> int:
    """Return the TXID that was reached; the file must hold the state of just that."""
    assert isinstance(result.position, Txid)
    assert result.output.read_bytes() == _replica().states[result.position.value]
    return result.position.value


@given(lost=missing, more=compacted, damage=damages)
@examples(120)
def test_every_txid_is_reached_by_whole_files_or_refused(
    place: Path,
    lost: set[int],
    more: list[tuple[int, int, int]],
    damage: list[tuple[int, str, int]],
) -> None:
    found = _spoil(_files(lost, more), damage)
    for txid in range(1, LAST + 1):
        _check(found, AtTxid(txid), txid, place / "out.db")


@given(lost=missing, more=compacted, damage=damages)
@examples(200)
def test_the_latest_state_is_right_also_in_front_of_damage(
    place: Path,
    lost: set[int],
    more: list[tuple[int, int, int]],
    damage: list[tuple[int, str, int]],
) -> None:
    found = _spoil(_files(lost, more), damage)
    newest = max(each.max_txid for each in found.listed)
    _check(found, Latest(), newest, place / "out.db")
    whole = oracle.restorable(found.intact)
    try:
        result = restore_to(place / "out.db", found.shelf, to_last_good=True)
    except DamagedError:
        assert not whole
    else:
        assert _is_right(result) == max(whole)
    (place / "out.db").unlink(missing_ok=True)
