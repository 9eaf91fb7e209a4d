"""Where each page lies is learnt from the ends of files alone, and is where a restore takes it from."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import page_map
from sqlite_recovery_tui.restore.remote_pages import RemotePages
from sqlite_recovery_tui.storage.base import Store
from tests.support import ltx_oracle as oracle
from tests.support.ltx_world import World
from tests.support.shelf import Shelf, content_of, plan_for


def remote_pages(store: Store) -> RemotePages:
    route = plan_for(store).route
    assert isinstance(route, LtxRoute)
    return RemotePages(store, page_map.load(store, route.files))


def content(pages: RemotePages) -> bytes:
    found = pages.fetch(range(1, pages.pages + 1))
    return b"".join(found[number] for number in range(1, pages.pages + 1))


def shelf_of(files: Sequence[oracle.Ltx]) -> Shelf:
    shelf = Shelf()
    for ltx in files:
        key = names.file_key(0, ltx.min_txid, ltx.max_txid)
        shelf.take(key, [oracle.write(ltx)], ltx.time)
    return shelf


def test_of_many_small_files_only_the_ends_are_read() -> None:
    world = World(page_size=4096)
    world.commit(200)
    for number in range(300):
        world.commit(200, {1, *range(2 + number % 100, 22 + number % 100)})
    stored = sum(len(data) for data, _ in world.shelf.objects.values())
    pages = remote_pages(world.shelf.store())
    assert 0 < pages.map.bytes_read < stored / 20
    assert content(pages) == world.content(301)


def test_an_index_that_is_longer_than_expected_is_read_whole() -> None:
    """Pages of zeros take fewer bytes than usual, so that their index is a large part of a file."""
    zeros = {number: bytes(512) for number in range(1, 601)}
    other = dict.fromkeys(range(1, 601, 2), b"\1" * 512)
    files = [oracle.Ltx(512, 600, 1, 1, 1_700_000_000_000, zeros)]
    files += [oracle.Ltx(512, 600, txid, txid, 1_700_000_000_000 + txid, other) for txid in range(2, 600)]
    pages = remote_pages(shelf_of(files).store())
    assert content(pages) == oracle.merge(files)


def test_pages_that_came_back_without_content_are_those_a_restore_writes() -> None:
    images = [bytes([number]) * 512 for number in range(9)]
    shelf = shelf_of(
        [
            oracle.Ltx(512, 4, 1, 1, 1_700_000_000_000, {number: images[number] for number in range(1, 5)}),
            oracle.Ltx(512, 2, 2, 2, 1_700_000_001_000, {1: images[5]}),
            oracle.Ltx(512, 4, 3, 3, 1_700_000_002_000, {1: images[6], 4: images[7]}),
        ]
    )
    pages = remote_pages(shelf.store())
    assert content(pages) == content_of(shelf) == images[6] + images[2] + images[3] + images[7]


def test_pages_behind_the_end_are_forgotten() -> None:
    world = World()
    world.commit(9)
    world.commit(8, {7, 8})
    world.commit(3, {2})
    pages = remote_pages(world.shelf.store())
    assert pages.pages == 3
    assert content(pages) == world.content(3)


def test_a_file_under_another_name_is_found_out_once_its_pages_are_wanted() -> None:
    world = World()
    for changed in ({1}, {2}, {3}, {4}):
        world.commit(5, changed)
    second, third = (names.file_key(0, txid, txid) for txid in (2, 3))
    world.shelf.replace(third, world.shelf.data(second))
    pages = remote_pages(world.shelf.store())
    assert pages.fetch([1, 4, 5])
    with pytest.raises(DamagedError, match="not what its name says") as caught:
        pages.fetch([2])
    assert caught.value.object == third


def test_a_file_with_pages_of_another_size_is_found_out_once_its_pages_are_wanted() -> None:
    world = World()
    for changed in ({1}, {2}, {3}):
        world.commit(5, changed)
    odd = oracle.Ltx(1024, 5, 2, 2, 1_700_000_000_000, {2: bytes(1024)})
    world.shelf.replace(names.file_key(0, 2, 2), oracle.write(odd))
    pages = remote_pages(world.shelf.store())
    with pytest.raises(DamagedError, match="its pages have 1024 bytes, not 512"):
        pages.fetch([2])


@pytest.mark.parametrize("size", [0, 10, 130])
def test_a_file_without_an_end_is_named(size: int) -> None:
    world = World()
    for changed in ({1}, {2}, {3}):
        world.commit(5, changed)
    key = names.file_key(0, 2, 2)
    world.shelf.replace(key, world.shelf.data(key)[:size])
    with pytest.raises(DamagedError) as caught:
        remote_pages(world.shelf.store())
    assert caught.value.object == key


def test_a_page_far_behind_the_end_takes_no_memory() -> None:
    world = World()
    world.commit(5)
    world.commit(5, {2})
    world.commit(5, {3})
    far = oracle.Ltx(512, 0xFFFFFFF0, 2, 2, 1_700_000_000_000, {0xFFFFFFE0: bytes(512)})
    world.shelf.replace(names.file_key(0, 2, 2), oracle.write(far))
    with pytest.raises(DamagedError, match="names page 4294967264"):
        remote_pages(world.shelf.store())
