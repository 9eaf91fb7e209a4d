"""Nothing that happens to the bytes of LTX files passes unseen: it is named, or the result is what it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.storage.open import open_store
from tests.support.ltx_small import SmallReplica, small
from tests.support.shelf import folder

Change = Callable[[bytes], Iterator[bytes]]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of restores; the disk is not in question
    with folder() as made:
        yield made


def _verdict(replica: SmallReplica, spoilt: Path) -> str:
    """Restore and tell what came of it: "named" is a refusal or a note that names the spoilt file."""
    store = open_store(replica_from_url(replica.url))
    output = replica.folder.parent / "out.db"
    try:
        plan = make_plan(scan(store), Latest(), database=None, replica="test", url=store.url)
        result = restore(store, plan, RestoreOptions(output))
    except DamagedError as error:
        assert not output.exists()
        assert [path.name for path in replica.folder.parent.iterdir() if path.name.startswith(".")] == []
        return "named" if spoilt.name in error.object else f"blamed on {error.object}"
    finally:
        store.close()
    data = output.read_bytes()
    output.unlink()
    if data != replica.states[-1]:
        return "silent"
    key = spoilt.relative_to(replica.folder).as_posix()
    return "gone round" if any(key in note for note in result.notes) else "without effect"


def _truncations(data: bytes) -> Iterator[bytes]:
    for length in range(len(data)):
        yield data[:length]


def _flips(data: bytes) -> Iterator[bytes]:
    """Each byte once, every bit of a byte in turn; the decoders' own tests flip every bit."""
    for at in range(len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << at % 8
        yield bytes(spoilt)


def _verdicts(replica: SmallReplica, path: Path, change: Change) -> list[str]:
    data = path.read_bytes()
    found = []
    for spoilt in change(data):
        replica.put(path, spoilt)
        found.append(_verdict(replica, path))
    replica.put(path, data)
    return found


def test_untouched_it_restores(place: Path) -> None:
    replica = small(place, {0: "1 2 3"}, count=3)
    assert _verdict(replica, replica.paths[0]) == "without effect"


@pytest.mark.parametrize("encoding", [0, 1])
def test_every_truncation_is_named(encoding: int, place: Path) -> None:
    replica = small(place, {0: "1 2"}, count=2, encoding=encoding)
    for path in replica.paths:
        assert set(_verdicts(replica, path, _truncations)) == {"named"}, path.name


@pytest.mark.parametrize("encoding", [0, 1])
def test_every_changed_byte_is_named_or_without_effect(encoding: int, place: Path) -> None:
    replica = small(place, {0: "1 2"}, count=2, encoding=encoding)
    for path in replica.paths:
        verdicts = _verdicts(replica, path, _flips)
        assert set(verdicts) <= {"named", "without effect"}, path.name
        assert verdicts.count("named") > 0.95 * len(verdicts)


def test_whatever_happens_to_a_file_that_another_replaces_it_restores(place: Path) -> None:
    """The snapshot is one way to the end, the level-0 files are another."""
    replica = small(place, {0: "1 2 3", 9: "1-3"}, count=3)
    for path in replica.paths:
        verdicts = _verdicts(replica, path, _flips)
        verdicts += _verdicts(replica, path, _every_tenth(_truncations))
        assert set(verdicts) <= {"gone round", "without effect"}, path.name
    # Which way is cheaper decides what is read at all.
    assert "gone round" in _verdicts(replica, replica.path(9, 1, 3), _every_tenth(_truncations))


def test_a_snapshot_that_claims_to_be_huge_is_gone_round(place: Path) -> None:
    replica = small(place, {0: "1 2 3", 9: "1-3"}, count=3)
    snapshot = replica.path(9, 1, 3)
    data = snapshot.read_bytes()
    for at in range(12, 16):  # where the header has the size of the database
        replica.put(snapshot, data[:at] + b"\x7f" + data[at + 1 :])
        assert _verdict(replica, snapshot) == "gone round"


def _every_tenth(change: Change) -> Change:
    def some(data: bytes) -> Iterator[bytes]:
        for number, spoilt in enumerate(change(data)):
            if number % 10 == 0:
                yield spoilt

    return some
