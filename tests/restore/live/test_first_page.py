"""Page 1 of a copy: the replica's, but for what makes readers notice."""

from __future__ import annotations

import random
import struct

import pytest

from sqlite_recovery_tui.restore.live import first_page
from sqlite_recovery_tui.restore.live.first_page import COUNTER_STEP, of_copy, touched


def _page(*, counter: int = 7, valid_for: int | None = None, cookie: int = 3, body: int = 1) -> bytes:
    page = bytearray(random.Random(body).randbytes(512))
    page[18:20] = b"\2\2"
    struct.pack_into(">I", page, 24, counter)
    struct.pack_into(">I", page, 40, cookie)
    struct.pack_into(">I", page, 92, counter if valid_for is None else valid_for)
    page[:18] = b"SQLite format 3\0\2\0"
    page[20:24] = b"\0\x40\x20\x20"
    return bytes(page)


def _at(page: bytes, offset: int) -> int:
    number: int = struct.unpack_from(">I", page, offset)[0]
    return number


def test_only_the_bytes_that_are_the_copys_own_differ() -> None:
    image = _page(body=2)
    page, _ = of_copy(image, _page(counter=900, cookie=5), 0)
    own = {at for start, end in first_page.OWN_BYTES for at in range(start, end)}
    assert {at for at in range(512) if page[at] != image[at]} <= own
    assert first_page.masked(page) == first_page.masked(image)
    assert page[18:20] == b"\1\1"


@pytest.mark.parametrize("counter", [7, 7 + COUNTER_STEP, 0, 0xFFFFFFFF])
def test_the_counter_goes_on_from_the_copys_whatever_the_replicas_is(counter: int) -> None:
    page, _ = of_copy(_page(counter=counter), _page(counter=7), 0)
    assert _at(page, 24) == 7 + COUNTER_STEP
    assert _at(page, 92) == _at(page, 24)


def test_the_counter_never_comes_by_a_number_twice_before_it_comes_by_all() -> None:
    assert COUNTER_STEP % 2 == 1
    page = touched(_page(counter=0xFFFFFFFF))
    assert _at(page, 24) == COUNTER_STEP - 1


@pytest.mark.parametrize("valid_for", [0, 6, 7 + COUNTER_STEP])
def test_a_size_that_sqlite_does_not_go_by_stays_so(valid_for: int) -> None:
    page, _ = of_copy(_page(valid_for=valid_for), _page(counter=7), 0)
    assert _at(page, 92) == valid_for
    assert _at(page, 24) not in (7, valid_for)


def test_the_schema_cookie_is_the_replicas_where_that_tells_readers_enough() -> None:
    page, shift = of_copy(_page(cookie=3), _page(cookie=3, counter=9), 0)
    assert (_at(page, 40), shift) == (3, 0)
    page, shift = of_copy(_page(cookie=4, body=2), _page(cookie=3), 0)
    assert (_at(page, 40), shift) == (4, 0)


@pytest.mark.parametrize("image", [_page(cookie=3, body=2), _page(cookie=1, body=2), _page(cookie=2)])
def test_another_schema_is_never_under_a_cookie_that_readers_know(image: bytes) -> None:
    page, shift = of_copy(image, _page(cookie=3), 0)
    assert _at(page, 40) == 4
    assert _at(image, 40) + shift == 4
    later = bytearray(image)
    struct.pack_into(">I", later, 40, _at(image, 40) + 1)
    following, _ = of_copy(bytes(later), page, shift)
    assert _at(following, 40) == 5


def test_a_step_without_page_one_changes_the_counter_alone() -> None:
    held = _page(counter=7, cookie=9)
    page = touched(held)
    assert _at(page, 24) == 7 + COUNTER_STEP
    assert _at(page, 40) == 9
    assert first_page.masked(page) == first_page.masked(held)
