"""Compressed objects, as far as they can be read: every LZ4 frame there is, cut, flipped, encrypted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import lz4.block
import lz4.frame
import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.anatomy.salvage import readable
from sqlite_recovery_tui.anatomy.spool import MEMORY_BYTES, Spool
from sqlite_recovery_tui.anatomy.unpack import Access, Unpacked, unpack
from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.errors import Cancelled, ObjectNotFound, Unreachable
from sqlite_recovery_tui.formats import lz4 as frames
from sqlite_recovery_tui.progress import CancelToken, Progress
from tests.anatomy.stock import GENERATION, NOW, Shelf
from tests.support.faults import FaultyStore

CHANCE = random.Random(1)
DATA = b"".join(f"line {CHANCE.random()} of many\n".encode() for _ in range(20_000))


def packed(data: bytes) -> Unpacked:
    shelf = Shelf()
    return unpack(shelf.access, shelf.segment(0, 0, data, pack=lambda plain: plain))


@pytest.mark.parametrize("options", [
    {"block_size": 4, "block_linked": True},
    {"block_size": 7, "block_linked": False, "content_checksum": True},
    {"block_size": 5, "block_checksum": True, "content_checksum": True},
    {"store_size": False},
])  # fmt: skip
def test_every_legal_frame_is_read(options: dict[str, Any]) -> None:
    found = packed(lz4.frame.compress(DATA, **options))
    assert bytes(found.data) == DATA
    assert not found.faults
    assert found.proof.holds == bool(options.get("content_checksum"))


def test_frames_follow_each_other_and_others_are_passed_over() -> None:
    skippable = (0x184D2A53).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"other"
    found = packed(frames.compress(DATA) + skippable + frames.compress(b"more"))
    assert bytes(found.data) == DATA + b"more"
    assert found.proof.holds


@pytest.mark.parametrize("linked", [False, True])
@settings(max_examples=40, deadline=None)
@given(st.floats(0, 0.999))
def test_whatever_is_cut_off_the_beginning_stays(linked: bool, share: float) -> None:
    whole = lz4.frame.compress(DATA, block_size=4, block_linked=linked, content_checksum=True)
    end = int(len(whole) * share)
    found = packed(whole[:end])
    assert DATA.startswith(bytes(found.data))
    assert found.proof.fails
    assert found.size >= len(DATA) * share * 0.9 - 1000
    assert "byte" in found.faults[0].place


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 900))
def test_salvage_agrees_with_the_library(data: bytes, most: int) -> None:
    plain = data * 3
    block = lz4.block.compress(plain, store_size=False)
    assert readable(block, most=len(plain) + 10) == plain
    assert readable(block, most=most) == plain[:most]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_salvage_of_noise_ends(noise: bytes) -> None:
    assert len(readable(noise, most=1000)) <= 1000


def test_a_bomb_fills_no_memory() -> None:
    zeros = frames.compress(bytes(64 << 20))
    shelf = Shelf()
    found = unpack(shelf.access, shelf.segment(0, 0, zeros, pack=lambda data: data), keep=1 << 20)
    assert found.size == 64 << 20
    assert len(found.data) <= 1 << 20
    assert not found.kept_whole
    assert found.proof.holds


def test_much_is_kept_in_a_file_without_a_name(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    piece = bytes(range(256)) * 4096
    for _ in range(MEMORY_BYTES // len(piece) + 3):
        spool.add(piece)
    assert not list(tmp_path.iterdir())
    view = spool.view()
    assert len(view) == spool.seen == spool.kept
    assert view[len(view) - len(piece) :] == piece


def test_a_full_disk_leaves_what_was_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "nowhere", most=1 << 30)
    for _ in range(3):
        spool.add(bytes(MEMORY_BYTES // 2 + 1))
    assert spool.seen > spool.kept
    assert len(spool.view()) == spool.kept


def test_an_encrypted_object_needs_its_key() -> None:
    shelf = Shelf()
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    item = shelf.segment(0, 0, DATA, lambda data: pyrage.encrypt(frames.compress(data), [mine.to_public()]))
    found = unpack(Access(shelf.store, (str(mine),)), item)
    assert bytes(found.data) == DATA
    assert found.encrypted
    assert found.proof.holds
    assert "age" in unpack(Access(shelf.store, (str(other),)), item).faults[0].message
    assert "no age identity is configured" in unpack(shelf.access, item).faults[0].message
    assert "not age-encrypted" in unpack(
        Access(shelf.store, (str(mine),)), shelf.segment(0, 1, DATA)
    ).faults[0].message  # fmt: skip


def test_the_storage_is_no_fault_of_the_object() -> None:
    shelf = Shelf()
    item = shelf.segment(0, 0, DATA)
    faulty = FaultyStore(shelf.store)
    faulty.fail("get", key=item.key)
    with pytest.raises(Unreachable):
        unpack(Access(faulty), item)
    with pytest.raises(ObjectNotFound):
        unpack(shelf.access, WalSegment(GENERATION, 9, 9, "gone", 5, NOW))


def test_it_can_be_stopped_and_tells_how_far_it_is() -> None:
    shelf = Shelf()
    item = shelf.segment(0, 0, DATA)
    told: list[Progress] = []
    unpack(Access(shelf.store, progress=told.append), item)
    assert told[-1].done == told[-1].total == item.size
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        unpack(Access(shelf.store, cancel=cancel), item)
