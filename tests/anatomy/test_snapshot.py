"""Snapshots: the header's facts, every page's use, and what is left of a damaged one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlite_recovery_tui.anatomy.describe import belonging, describe, open_page, place_of_page
from sqlite_recovery_tui.anatomy.kinds import Kind
from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy, read_snapshot
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.formats import lz4
from tests.anatomy.databases import Made, make_database
from tests.anatomy.stock import Shelf


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_database(tmp_path_factory.mktemp("snapshot") / "a.db", 4096)


def test_the_facts_are_those_that_sqlite_gives(made: Made) -> None:
    shelf = Shelf()
    found = read_snapshot(shelf.access, shelf.snapshot(3, made.data))
    db = sqlite3.connect(made.path)

    def pragma(name: str) -> object:
        return db.execute(f"PRAGMA {name}").fetchone()[0]

    assert found.proof.holds
    assert found.facts is not None
    assert found.facts.header.page_count == found.pages == pragma("page_count")
    assert found.facts.header.schema_cookie == pragma("schema_version")
    assert found.facts.free_pages == pragma("freelist_count")
    assert found.facts.header.text_encoding == pragma("encoding")
    assert found.facts.writer == sqlite3.sqlite_version
    db.close()
    assert found.census is not None
    assert found.census.count(Kind.TRUNK) + found.census.count(Kind.FREE) == found.facts.free_pages
    assert found.to_json()["kinds"]["overflow"] > 0


def test_a_page_says_whose_it_is(made: Made) -> None:
    shelf = Shelf()
    item = shelf.snapshot(3, made.data)
    found = describe(shelf.access, shelf.timeline, item)
    assert isinstance(found, SnapshotAnatomy)
    assert found.census is not None
    whose = belonging(shelf.access, shelf.timeline, found)
    root = next(tree.root for tree in found.census.trees if tree.name == "by_name")
    assert whose.words(root) == "index by_name of people, its root page, as of snapshot 00000003"
    page = open_page(shelf.access, found, place_of_page(found, root), whose).page
    assert page.kind_is_known
    assert page.kind is Kind.INDEX_INTERIOR
    overflow = next(n for n in range(1, found.pages + 1) if found.kind(n) is Kind.OVERFLOW)
    assert whose.words(overflow) in (
        "table notes, as of snapshot 00000003", "index by_body of notes, as of snapshot 00000003",
    )  # fmt: skip
    free = next(n for n in range(1, found.pages + 1) if found.kind(n) is Kind.FREE)
    assert whose.words(free) == "no table: freelist leaf, as of snapshot 00000003"
    with pytest.raises(NotFoundError):
        place_of_page(found, found.pages + 1)


def test_the_beginning_alone_gives_the_facts_and_proves_nothing(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 4096, rows=60_000)
    assert len(made.data) > 5 << 20
    shelf = Shelf()
    found = read_snapshot(shelf.access, shelf.snapshot(0, made.data), most=1)
    assert found.facts is not None
    assert found.proof.word == "not proven"
    assert found.pages == (4 << 20) // 4096
    assert found.census is None
    assert not found.faults


def test_a_damaged_one_is_read_as_far_as_it_goes(made: Made) -> None:
    shelf = Shelf()
    packed = lz4.compress(made.data)
    cut = read_snapshot(shelf.access, shelf.snapshot(0, b"", pack=lambda _: packed[: len(packed) // 2]))
    assert cut.proof.fails
    assert cut.facts is not None
    assert 3 < cut.pages < made.pages
    assert cut.image(3) == made.image(3)
    assert cut.image(made.pages) is None
    flipped = bytearray(packed)
    flipped[-2] ^= 1
    found = read_snapshot(shelf.access, shelf.snapshot(0, b"", pack=lambda _: bytes(flipped)))
    assert "checksum does not hold" in found.proof.how
    assert found.pages == made.pages


def test_a_header_that_claims_more_than_there_is(made: Made) -> None:
    shelf = Shelf()
    found = read_snapshot(shelf.access, shelf.snapshot(0, made.data[: -2 * 4096]))
    assert f"header tells of {made.pages:,} pages" in found.faults[0].message
    assert found.proof.fails


@pytest.mark.parametrize("data", [b"", b"short", b"no database " * 100])
def test_no_database_at_all(data: bytes) -> None:
    shelf = Shelf()
    found = read_snapshot(shelf.access, shelf.snapshot(0, data))
    assert found.facts is None
    assert found.pages == 0
    assert found.proof.fails
    assert found.to_json()["header"] is None
