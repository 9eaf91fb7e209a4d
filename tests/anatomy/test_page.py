"""Pages of databases that SQLite made, held against SQLite's own account of them (dbstat)."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.anatomy.kinds import Kind
from sqlite_recovery_tui.anatomy.page import Page, parse_page
from tests.anatomy.databases import Made, make_database

PAGE_SIZES = [512, 1024, 4096, 16384, 65536]


@dataclass(frozen=True)
class Stat:
    """What SQLite says of one page."""

    name: str
    type: str
    cells: int
    unused: int
    payload: int


def stats(made: Made) -> dict[int, Stat]:
    with sqlite3.connect(made.path) as db:
        rows = db.execute("SELECT pageno, name, pagetype, ncell, unused, payload FROM dbstat").fetchall()
    db.close()
    return {page: Stat(*rest) for page, *rest in rows}


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_every_page_is_what_sqlite_says(page_size: int, tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", page_size)
    for number, stat in stats(made).items():
        kind = Kind.OVERFLOW if stat.type == "overflow" else None
        page = made.parse(number, kind=kind)
        assert not page.faults, (number, page.faults)
        if page.btree is None:
            assert stat.type == "overflow"
            continue
        assert page.kind.is_interior == (stat.type == "internal")
        assert page.btree.cells == len(page.cells) == stat.cells
        assert sum(cell.local for cell in page.cells) == stat.payload or page.kind is Kind.TABLE_INTERIOR
        if page.btree.content_start != 65536:  # dbstat takes that for 0
            assert page.btree.free_bytes == stat.unused
        assert bool(page.btree.right_child) == page.kind.is_interior


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_parts_cover_every_byte_once(page_size: int, tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", page_size)
    for number in range(1, made.pages + 1):
        assert_covered(made.parse(number))


def test_free_room_in_cells_is_the_fragments(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 4096)
    for number, stat in stats(made).items():
        page = made.parse(number)
        if stat.type == "leaf" and page.btree is not None:
            fragments = sum(part.end - part.start for part in page.parts if part.name == "fragment")
            assert fragments == page.btree.fragmented


def test_rowids_and_values_are_those_of_the_rows(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 1024)
    with sqlite3.connect(made.path) as db:
        rows = dict(db.execute("SELECT id, name FROM people").fetchall())
        leaves = [page for page, in db.execute(
            "SELECT pageno FROM dbstat WHERE name = 'people' AND pagetype = 'leaf'"
        )]  # fmt: skip
    db.close()
    found = {}
    for number in leaves:
        page = made.parse(number)
        for cell in page.cells:
            found[cell.rowid] = page.values(cell)
    assert found.keys() == rows.keys()
    assert all(rows[rowid][:40] in values for rowid, values in found.items())


def test_a_page_that_lies_is_said_to(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 1024)
    leaves = (n for n in range(2, made.pages + 1) if made.parse(n).kind is Kind.TABLE_LEAF)
    leaf = next(number for number in leaves if len(made.parse(number).cells) > 3)
    image = bytearray(made.image(leaf))
    image[3:5] = b"\xff\xff"
    assert "cannot hold 65,535 cells" in parse_page(bytes(image), leaf).faults[0]
    image = bytearray(made.image(leaf))
    image[8:10] = b"\x00\x01"
    assert "cells lie outside of its content: 0" in parse_page(bytes(image), leaf).faults[0]
    image = bytearray(made.image(leaf))
    image[10:12] = image[8:10]
    assert any("overlap" in fault for fault in parse_page(bytes(image), leaf).faults)
    image = bytearray(made.image(leaf))
    image[1:3] = b"\x00\x02"
    assert "free blocks leads to byte 2" in parse_page(bytes(image), leaf).faults[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(min_size=512, max_size=512),
    st.sampled_from([None, *Kind]),
    st.integers(1, 3),
    st.integers(0, 255),
)
def test_no_page_at_all_makes_it_fail(image: bytes, kind: Kind | None, number: int, reserved: int) -> None:
    page = parse_page(image, number, kind=kind, reserved=reserved, pages=9)
    assert_covered(page)
    assert all(isinstance(page.values(cell), str) for cell in page.cells)
    assert page.to_json()["page"] == number


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_b_tree_page_of_noise_is_read_as_far_as_it_goes(data: st.DataObject) -> None:
    first = data.draw(st.sampled_from((2, 5, 10, 13)))
    image = bytes([first]) + data.draw(st.binary(min_size=511, max_size=511))
    page = parse_page(image, 7, pages=3)
    assert page.btree is not None
    assert_covered(page)


def assert_covered(page: Page) -> None:
    at = 0
    for part in page.parts:
        assert part.start == at
        assert part.end > part.start
        at = part.end
    assert at == page.size
