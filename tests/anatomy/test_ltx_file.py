"""LTX files: pages by the index or as they are met, what is proven, and what damage leaves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.anatomy.describe import describe, kind_word, open_page, place_of_page
from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy, read_ltx, read_ltx_page
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED, Spelling
from sqlite_recovery_tui.formats.ltx.header import SEAL, Header
from sqlite_recovery_tui.formats.ltx.write import encode_file
from tests.anatomy.stock import Shelf
from tests.formats.ltx.samples import numbers, some_pages

PAGES = [1, 2, 5, 9]
IMAGES = some_pages(len(PAGES), 512)


def a_file(spelling: Spelling = SIZED, **changes: int) -> bytes:
    header = Header(512, 12, 4, 6, 1_774_533_792_000, **changes)
    return encode_file(header, numbers(PAGES), IMAGES, spelling=spelling, post_apply=SEAL | 5)


@pytest.mark.parametrize("spelling", [SIZED, FRAMED])
def test_every_page_is_listed_and_can_be_read(spelling: Spelling) -> None:
    shelf = Shelf()
    item = shelf.ltx(1, 4, 6, a_file(spelling))
    found = read_ltx(shelf.access, item)
    assert found.proof.holds
    assert found.by_index
    assert found.index.pgno.tolist() == PAGES
    assert found.header is not None
    assert (found.header.commit, found.page_size) == (12, 512)
    for place, image in enumerate(IMAGES):
        assert read_ltx_page(shelf.access, found, place) == image.tobytes()
    assert place_of_page(found, 5) == 2
    assert found.database_proof == "not kept"


def test_its_ends_alone_list_the_pages_and_prove_nothing() -> None:
    shelf = Shelf()
    found = describe(shelf.access, shelf.timeline, shelf.ltx(1, 4, 6, a_file()), whole=False)
    assert isinstance(found, LtxAnatomy)
    assert found.pages == 4
    assert found.proof.word == "not proven"
    assert kind_word(found.kind(1), None, 2) == "not read"
    assert open_page(shelf.access, found, 1).page.number == 2


def test_a_checksum_of_the_database_is_told_of() -> None:
    shelf = Shelf()
    found = read_ltx(shelf.access, shelf.ltx(0, 4, 6, a_file(flags=0, pre_apply=SEAL | 3)))
    assert found.proof.holds
    assert found.database_proof == "kept, and only a base can prove it"
    assert found.to_json()["post_apply_checksum"] == f"{SEAL | 5:016x}"


def test_a_name_that_is_not_its_own_is_a_fault() -> None:
    shelf = Shelf()
    found = read_ltx(shelf.access, shelf.ltx(1, 4, 7, a_file()))
    assert "not what its name says" in found.faults[0].message
    assert found.pages == 4
    assert found.proof.fails


def test_without_an_index_the_pages_are_those_that_are_met() -> None:
    shelf = Shelf()
    data = a_file()
    intact = read_ltx(shelf.access, shelf.ltx(1, 4, 6, data))
    cut = data[: int(intact.index.offset[3]) + 20]
    found = read_ltx(shelf.access, shelf.ltx(1, 4, 6, cut))
    assert not found.by_index
    assert found.index.pgno.tolist() == PAGES[:3]
    assert found.proof.fails
    assert read_ltx_page(shelf.access, found, 2) == IMAGES[2].tobytes()


def test_a_damaged_page_is_said_and_the_others_stay_readable() -> None:
    shelf = Shelf()
    data = bytearray(a_file())
    intact = read_ltx(shelf.access, shelf.ltx(1, 4, 6, bytes(data)))
    data[int(intact.index.offset[2])] ^= 0xFF
    found = read_ltx(shelf.access, shelf.ltx(1, 4, 6, bytes(data)))
    assert found.by_index
    assert found.pages == 4
    assert found.proof.fails
    assert "byte" in found.faults[0].place
    with pytest.raises(DamagedError):
        open_page(shelf.access, found, 2)
    assert open_page(shelf.access, found, 3).page.number == 9


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_is_changed_it_is_not_called_proven(data: st.DataObject) -> None:
    shelf = Shelf()
    damaged = bytearray(a_file())
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.sampled_from([len(damaged), at, at + 1]))
    found = read_ltx(shelf.access, shelf.ltx(1, 4, 6, bytes(damaged[:end])))
    if found.proof.holds:  # another spelling of the same pages
        assert [read_ltx_page(shelf.access, found, place) for place in range(4)] == [
            image.tobytes() for image in IMAGES
        ]
    assert found.to_json()["kind"] == "ltx"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=600))
def test_noise_is_described_and_never_fails(noise: bytes) -> None:
    shelf = Shelf()
    assert read_ltx(shelf.access, shelf.ltx(0, 1, 1, noise)).proof.fails
