"""Who owns which page: the walk from the roots, held against SQLite's own account of every page."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.anatomy import belonging as module
from sqlite_recovery_tui.anatomy.census import Census, LocalPages, take_census
from sqlite_recovery_tui.anatomy.database import DatabaseFacts
from sqlite_recovery_tui.anatomy.describe import belonging, describe, open_page
from sqlite_recovery_tui.anatomy.kinds import Kind
from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
from sqlite_recovery_tui.anatomy.snapshot import read_snapshot
from sqlite_recovery_tui.anatomy.unpack import Access
from sqlite_recovery_tui.errors import Cancelled
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.storage.open import open_store
from tests.anatomy.databases import Made, make_database
from tests.anatomy.stock import NOW, Shelf, three_transactions
from tests.support.generation_writer import GenerationWriter


class Counted(LocalPages):
    """Pages that are elsewhere: it is counted which were asked for."""

    asked: set[int] = set()

    def fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        assert list(numbers) == sorted(set(numbers))
        self.asked = self.asked | set(numbers)
        return super().fetch(numbers)


def account(made: Made) -> dict[int, tuple[str, str]]:
    with sqlite3.connect(made.path) as db:
        rows = db.execute("SELECT pageno, name, pagetype FROM dbstat").fetchall()
    db.close()
    return {page: (name, kind) for page, name, kind in rows}


def census_of(made: Made, **options: object) -> Census:
    data = memoryview(made.data)
    return take_census(LocalPages(data, made.page_size), DatabaseFacts.parse(data), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("auto_vacuum", [0, 1])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_every_page_belongs_to_whom_sqlite_says(page_size: int, auto_vacuum: int, tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", page_size, auto_vacuum=auto_vacuum, rows=900)
    found = census_of(made)
    expected = account(made)
    assert not found.remarks
    assert found.whole
    for number, (name, kind) in expected.items():
        owner = found.owner(number)
        assert owner is not None, number
        assert owner.name == ("sqlite_schema" if name == "sqlite_master" else name)
        assert (found.kind(number) is Kind.OVERFLOW) == (kind == "overflow")
    rest = set(range(1, made.pages + 1)) - expected.keys()
    free = {number for number in rest if found.kind(number) in (Kind.TRUNK, Kind.FREE)}
    assert len(free) == found.facts.free_pages
    maps = {number for number in rest if found.kind(number) is Kind.POINTER_MAP}
    assert free | maps == rest
    assert bool(maps) == bool(auto_vacuum)


def test_elsewhere_no_more_than_the_interior_pages_is_fetched(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 512, rows=4000)
    data = memoryview(made.data)
    pages = Counted(data, 512)
    found = take_census(pages, DatabaseFacts.parse(data), remote=True)
    kinds = [kind for _, kind in account(made).values()]
    assert len(pages.asked) <= kinds.count("internal") + 2 * len(found.trees) + found.count(Kind.TRUNK)
    assert not found.whole
    for number, (name, kind) in account(made).items():
        owner = found.owner(number)
        if kind == "overflow":
            assert owner is None
        else:
            assert owner is not None
            assert owner.name in (name, "sqlite_schema")


def test_a_walk_that_would_be_too_long_says_where_it_stopped(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 512, rows=4000)
    found = census_of(made, most=50)
    assert not found.whole
    assert "only" in found.remarks[-1]
    assert found.owner(1) is not None


def test_loops_and_links_to_nowhere_end(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 512, rows=2000)
    data = bytearray(made.data)
    root = next(tree.root for tree in census_of(made).trees if tree.name == "people")
    at = (root - 1) * 512
    assert data[at] == Kind.TABLE_INTERIOR
    data[at + 8 : at + 12] = root.to_bytes(4, "big")  # its right-most child is itself
    view = memoryview(bytes(data))
    found = take_census(LocalPages(view, 512), DatabaseFacts.parse(view))
    assert any("lead outside" in remark for remark in found.remarks)


def test_a_page_with_a_use_of_its_own_is_no_part_of_a_tree_that_claims_it(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 512, auto_vacuum=1, rows=2000)
    data = bytearray(made.data)
    root = next(tree.root for tree in census_of(made).trees if tree.name == "people")
    data[(root - 1) * 512 + 8 : (root - 1) * 512 + 12] = (2).to_bytes(4, "big")
    view = memoryview(bytes(data))
    found = take_census(LocalPages(view, 512), DatabaseFacts.parse(view))
    assert found.kind(2) is Kind.POINTER_MAP
    assert found.owner(2) is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_makes_it_fail_or_run_on(data: st.DataObject) -> None:
    damaged = bytearray(_a_small_database())
    for _ in range(data.draw(st.integers(1, 30))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    shelf = Shelf()
    found = read_snapshot(shelf.access, shelf.snapshot(0, bytes(damaged)))
    known = belonging(shelf.access, shelf.timeline, found)
    for place in range(0, found.pages, 3):
        assert known.words(open_page(shelf.access, found, place, known).page.number)


@cache
def _a_small_database() -> bytes:
    with TemporaryDirectory() as folder:
        return make_database(Path(folder) / "a.db", 512, auto_vacuum=1, rows=60).data


def test_a_header_that_claims_billions_of_pages_takes_no_memory_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_database(tmp_path / "a.db", 512)
    data = bytearray(made.data)
    data[28:32] = b"\xff\xff\xff\xff"
    shelf = Shelf()
    shelf.snapshot(0, bytes(data))
    segment = shelf.segment(0, 0, bytes(three_transactions().data))
    monkeypatch.setattr(module, "LOCAL_BYTES", 0)
    known = module.belonging_at(shelf.access, shelf.timeline, segment)
    assert known.census is not None
    assert known.census.pages < 1 << 20
    assert known.words(2).endswith("as of the beginning of snapshot 00000000")
    monkeypatch.setattr(module, "MOST_PAGES", 10)
    assert "is not looked through here" in module.belonging_at(shelf.access, shelf.timeline, segment).why


def test_it_can_be_stopped(tmp_path: Path) -> None:
    made = make_database(tmp_path / "a.db", 512)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        census_of(made, cancel=cancel)


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_the_schema_is_read_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA page_size = 512")
    db.execute(f"PRAGMA encoding = '{encoding}'")
    for number in range(40):
        db.execute(f"CREATE TABLE täble{number} (a, b /* {'long ' * number} */)")
        db.execute(f"CREATE INDEX index{number} ON täble{number} (b)")
    db.execute("CREATE VIEW v AS SELECT 1")
    rows = db.execute("SELECT type, name, tbl_name, rootpage FROM sqlite_schema WHERE rootpage").fetchall()
    db.close()
    found = census_of(Made(path, 512)).trees
    assert found[0].root == 1
    assert sorted((tree.kind, tree.name, tree.table, tree.root) for tree in found[1:]) == sorted(rows)


def test_pages_that_came_into_being_behind_the_snapshot_belong_to_somebody_too(tmp_path: Path) -> None:
    with GenerationWriter(tmp_path / "a.db", tmp_path / "replica", page_size=512) as writer:
        writer.connection.execute("CREATE TABLE first(x); INSERT INTO first VALUES (1)")
        writer.new_generation(NOW)
        writer.connection.execute("CREATE TABLE second(x)")
        writer.ship(NOW)
        for _ in range(30):
            writer.connection.execute("INSERT INTO second VALUES (randomblob(200))")
        writer.ship(NOW)
    store = open_store(refs(None, str(tmp_path / "replica"))[0].replica)
    timeline, access = scan(store), Access(store)
    last = timeline.generations[0].segments[-1]
    found = describe(access, timeline, last)
    known = belonging(access, timeline, found)
    assert known.words(3) == "table second, its root page, as of this segment's end"
    assert isinstance(found, SegmentAnatomy)
    assert all(known.census and known.census.owner(int(page)) for page in found.frames.pgno)
    path = tmp_path / "replica" / timeline.generations[0].segments[0].key
    path.write_bytes(path.read_bytes()[:-3])
    known = belonging(access, timeline, found)
    assert known.words(1) == "table sqlite_schema, its root page, as of snapshot 00000000"
    assert known.words(3) == "not known: it did not exist as of snapshot 00000000"
    store.close()
