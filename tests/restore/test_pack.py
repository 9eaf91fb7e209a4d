"""What is kept is given back as it was or not at all, wherever a crash cut it short."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.formats.generations import segment_key
from sqlite_recovery_tui.restore.pack import Pack
from tests.support.listings import A, at
from tests.support.properties import examples


def segment(number: int, *, etag: str | None = "e") -> WalSegment:
    return WalSegment(A, number, 0, segment_key(A, number, 0), 100 + number, at(number), etag)


def content(number: int) -> bytes:
    return f"object {number} ".encode() * (number + 1)


SEGMENTS = [segment(number) for number in range(6)]


@contextmanager
def opened(folder: Path) -> Iterator[Pack]:
    pack = Pack(folder)
    try:
        yield pack
    finally:
        pack.close()


def fill(folder: Path, numbers: range = range(6)) -> None:
    with opened(folder) as pack:
        for number in numbers:
            pack.add(SEGMENTS[number], content(number))


def check(folder: Path) -> set[int]:
    """The numbers of what is kept; each must be what was put in."""
    with opened(folder) as pack:
        kept = pack.holds(SEGMENTS)
        numbers = {number for number, item in enumerate(SEGMENTS) if item.key in kept}
        for number in numbers:
            assert pack.read(SEGMENTS[number].key) == content(number)
    return numbers


def test_what_was_added_is_there_at_once_and_later(tmp_path: Path) -> None:
    with opened(tmp_path) as pack:
        assert pack.holds(SEGMENTS) == set()
        for number, item in enumerate(SEGMENTS):
            pack.add(item, content(number))
            assert pack.read(item.key) == content(number)
        assert len(pack.holds(SEGMENTS)) == 6
    assert check(tmp_path) == set(range(6))


def test_an_object_written_again_under_its_name_is_another_one(tmp_path: Path) -> None:
    fill(tmp_path)
    same = SEGMENTS[2]
    with opened(tmp_path) as pack:
        assert pack.holds([same]) == {same.key}
        for other in (
            replace(same, size=1),
            replace(same, etag="f"),
            replace(same, etag=None),
            replace(same, time=at(9)),
        ):
            assert pack.holds([other]) == set()


def test_the_newest_version_counts(tmp_path: Path) -> None:
    fill(tmp_path)
    newer = replace(SEGMENTS[1], etag="newer")
    with opened(tmp_path) as pack:
        pack.add(newer, b"newer")
        assert pack.holds([SEGMENTS[1]]) == set()
        assert pack.read(newer.key) == b"newer"
    with opened(tmp_path) as pack:
        assert pack.holds([newer]) == {newer.key}
        assert pack.read(newer.key) == b"newer"


@pytest.mark.parametrize("file", ["segments.pack", "segments.index"])
def test_cut_short_anywhere_the_rest_holds_and_it_goes_on(file: str, tmp_path: Path) -> None:
    fill(tmp_path)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    before: set[int] = set()
    for length in range(len(whole[file]) + 1):
        for name, data in whole.items():
            (tmp_path / name).write_bytes(data)
        os.truncate(tmp_path / file, length)
        kept = check(tmp_path)
        assert kept == set(range(len(kept))), "a prefix of what was added"
        assert kept >= before
        before = kept
        missing = sorted(set(range(6)) - kept)
        if missing:
            fill(tmp_path, range(missing[0], 6))
        assert check(tmp_path) == set(range(6)), f"after a cut at {length}"
    assert before == set(range(6))


@pytest.mark.parametrize("file", ["segments.pack", "segments.index"])
@examples(150)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_costs_at_most_what_it_touches(
    file: str, position: float, bit: int, tmp_path: Path
) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    fill(tmp_path)
    data = bytearray((tmp_path / file).read_bytes())
    data[int(position * len(data))] ^= 1 << bit
    (tmp_path / file).write_bytes(data)
    assert len(check(tmp_path)) >= 4


@examples(150)
@given(st.binary(max_size=300), st.lists(st.sampled_from([*b"\t\n0123456789abc", 0xB2, 0xC2]), max_size=80))
def test_garbage_in_the_index_is_passed_over(tmp_path: Path, garbage: bytes, likely: list[int]) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    fill(tmp_path)
    with (tmp_path / "segments.index").open("ab") as file:
        file.write(garbage + b"\n" + bytes(likely))
    assert check(tmp_path) == set(range(6))


@pytest.mark.parametrize(
    "line",
    [
        f"{SEGMENTS[0].key}\tv\t0\t99999999999999999999999999\tdigest",
        f"{SEGMENTS[0].key}\tv\t99999999999999999999999999\t1\tdigest",
        f"{SEGMENTS[0].key}\tv\t0\t999999999999999999\tdigest",
        f"{SEGMENTS[0].key}\tv\t-1\t5\tdigest",
        f"{SEGMENTS[0].key}\tv\t²\t5\tdigest",
    ],
)
def test_an_index_that_promises_the_impossible_is_not_believed(line: str, tmp_path: Path) -> None:
    fill(tmp_path, range(1, 6))
    with (tmp_path / "segments.index").open("a") as file:
        file.write(line + "\n")
    assert check(tmp_path) == {1, 2, 3, 4, 5}


def test_writes_that_the_kernel_takes_in_parts_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
    fill(tmp_path)
    monkeypatch.undo()
    assert check(tmp_path) == set(range(6))


@pytest.mark.parametrize("file", ["segments.pack", "segments.index"])
def test_a_link_in_its_place_is_not_followed(file: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / file).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        Pack(folder)
    assert victim.read_bytes() == b"precious"


def test_files_are_for_us_alone_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        fill(tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
