"""Drilling down: object, transactions, frames, page, cells, bytes; damage is shown where it is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.cli.main import run
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo.levels import LevelWriter
from sqlite_recovery_tui.domain import LtxFile, Snapshot, StoredObject, WalSegment
from sqlite_recovery_tui.tui import dissection
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.screens.object import ObjectScreen
from sqlite_recovery_tui.tui.screens.object_rows import _Numbered
from sqlite_recovery_tui.tui.screens.page import PageScreen
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.rows import Row
from tests.support.generation_writer import GenerationWriter
from tests.tui.hostile import HOSTILE, offending
from tests.tui.support import (
    SMALL,
    Gate,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    settings_for,
    settle,
    toasts,
    type_text,
    view,
)

MEDIUM = (120, 36)
START = datetime(2026, 3, 26, 10, tzinfo=UTC)


def shown(pilot: Pilot[None]) -> ObjectScreen:
    found = screen(pilot)
    assert isinstance(found, ObjectScreen)
    return found


def page(pilot: Pilot[None]) -> PageScreen:
    found = screen(pilot)
    assert isinstance(found, PageScreen)
    return found


async def open_first(pilot: Pilot[None], kind: type[StoredObject], place: int = 0) -> ObjectScreen:
    """Open the newest object of a kind, as the replica's screen does."""
    console = pilot.app
    assert isinstance(console, Console)
    where = console.listings.places[place]
    assert where.timeline is not None
    objects = [each for lane in where.timeline.lanes for each in (*lane.bases, *lane.changes)]
    console.open_object(
        where, max((each for each in objects if isinstance(each, kind)), key=lambda o: o.time)
    )
    await settle(pilot)
    return shown(pilot)


@pytest.fixture
def generations(tmp_path: Path) -> Settings:
    """A snapshot and a segment of three transactions, then a second one."""
    with GenerationWriter(tmp_path / "app.db", tmp_path / "replica", page_size=1024) as writer:
        sql = writer.connection
        sql.execute(
            "CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT); CREATE INDEX by_word ON words(word)"
        )
        sql.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1500) "
                    "INSERT INTO words(word) SELECT 'word ' || i FROM n")  # fmt: skip
        sql.execute("INSERT INTO words(word) VALUES (hex(zeroblob(3000)))")
        writer.new_generation(START)
        for number in range(3):
            sql.execute(f"INSERT INTO words(word) VALUES ('later {number}')")
        writer.ship(START.replace(minute=1))
        sql.execute("DELETE FROM words WHERE id < 150")
        writer.ship(START.replace(minute=2))
    return settings_for((tmp_path / "replica").as_uri(), scratch=tmp_path / "scratch")


@contextmanager
def damaged(settings: Settings, pattern: str, change: Callable[[bytes], bytes]) -> Iterator[Path]:
    """Change the first object whose name fits."""
    path = min(Path(settings.databases[0].replicas[0].path).rglob(pattern))
    status = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    yield path


async def test_from_the_replica_down_to_a_byte_and_back(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter", "i")
        assert view(pilot) == "object"
        found = shown(pilot)
        assert isinstance(found.item, WalSegment)
        assert "✓ proven" in picture(pilot)
        assert found.listing == "transactions"
        await press(pilot, "down", "enter")
        assert found.listing == "frames"
        assert found.found is not None
        assert found.selected == found.found.anatomy.transaction(1).first  # type: ignore[union-attr]
        await press(pilot, "enter")
        assert view(pilot) == "page"
        assert page(pilot).number == found.selected
        assert "belongs to" in picture(pilot)
        assert "as of this segment's end" in prose(pilot)
        before = page(pilot).number
        await press(pilot, "right_square_bracket")
        assert page(pilot).number == before + 1
        await press(pilot, "left_square_bracket", "left_square_bracket")
        assert page(pilot).number == before - 1
        await press(pilot, "escape")
        assert view(pilot) == "object"
        await press(pilot, "escape")
        assert found.listing == "transactions"
        await press(pilot, "escape")
        assert view(pilot) == "replica"


async def test_a_cell_and_its_bytes_move_together_and_lead_on(generations: Settings) -> None:
    async with opened(make_console(generations), MEDIUM) as pilot:
        found = await open_first(pilot, Snapshot)
        assert "table words" in picture(pilot)
        await press(pilot, "slash")
        await type_text(pilot, "table interior")
        await press(pilot, "enter")
        assert found.parts.source.row_count() == 1
        await press(pilot, "enter")
        root = page(pilot)
        assert root.found is not None
        first = root.found.page.cells[0]
        await press(pilot, "c")
        assert root.bytes.cursor == first.start
        await press(pilot, "down")
        second = root.found.page.cells[1]
        assert root.bytes.cursor == second.start
        assert f"cell 1, rowid {second.rowid}, leads to page {second.child}" in picture(pilot)
        await press(pilot, "enter")
        assert root.page_number == second.child
        assert "table leaf" in picture(pilot)
        assert "'word " in picture(pilot)
        await press(pilot, "escape", "escape", "slash")
        await type_text(pilot, "overflow.*words")
        await press(pilot, "enter", "enter")
        assert "goes on on page" in picture(pilot) or "the last of its chain" in picture(pilot)
        await press(pilot, "R", "R", "R", "R", "R", "R", "R", "R")
        assert "This page leads to no other" in toasts(pilot)


async def test_on_a_low_terminal_cells_and_bytes_take_turns(generations: Settings) -> None:
    async with opened(make_console(generations), SMALL) as pilot:
        await open_first(pilot, Snapshot)
        await press(pilot, "enter")
        assert page(pilot).bytes.display
        assert not page(pilot).cells.display
        assert "53 51 4c 69 74 65" in picture(pilot)
        await press(pilot, "c")
        assert page(pilot).cells.display
        assert not page(pilot).bytes.display
        assert "'table', 'words'" in picture(pilot)
        await press(pilot, "c", "right")
        assert page(pilot).bytes.cursor > 0
        assert "byte" in picture(pilot).splitlines()[-2]


async def test_a_page_that_is_not_in_a_segment_is_said_to_be(generations: Settings) -> None:
    async with opened(make_console(generations), MEDIUM) as pilot:
        found = await open_first(pilot, WalSegment)
        await press(pilot, "slash")
        await type_text(pilot, "table interior")
        await press(pilot, "enter", "enter", "c", "end")
        assert "later-page" in set(page(pilot).facts())
        cells = page(pilot).found.page.cells  # type: ignore[union-attr]
        present = set(found.found.anatomy.frames.pgno.tolist())  # type: ignore[union-attr]
        absent = next(number for number, cell in enumerate(cells) if cell.child not in present)
        page(pilot).cells.move_to(absent)
        await press(pilot, "enter")
        assert any("is not in" in toast for toast in toasts(pilot))


async def test_to_the_objects_beside_it(generations: Settings) -> None:
    async with opened(make_console(generations), SMALL) as pilot:
        found = await open_first(pilot, WalSegment)
        last = found.item
        assert found.why_not(next(a for a in found.offered() if a.id == "object.next")) is not None
        await press(pilot, "left_square_bracket")
        assert found.item.time < last.time
        await press(pilot, "left_square_bracket")
        assert isinstance(found.item, Snapshot)
        assert "✓ proven" in picture(pilot)
        await press(pilot, "right_square_bracket", "right_square_bracket")
        assert found.item == last


async def test_damage_is_named_with_its_place_and_the_rest_is_read(generations: Settings) -> None:
    with damaged(generations, "*.wal.lz4", lambda data: data[:-60]):
        async with opened(make_console(generations), SMALL) as pilot:
            await open_first(pilot, WalSegment)
            assert "not proven" in picture(pilot) or "does not hold" in picture(pilot)
            await press(pilot, "left_square_bracket")
            shape = picture(pilot)
            assert "✗ does not hold" in shape
            assert "of the compressed object" in " ".join(shape.split())
            found = shown(pilot).found
            assert found is not None
            assert shown(pilot).parts.source.row_count() > 0


async def test_what_the_storage_refuses_is_shown_there_and_can_be_tried_again(generations: Settings) -> None:
    async with opened(make_console(generations), SMALL) as pilot:
        root = Path(generations.databases[0].replicas[0].path)
        hidden = root.with_name("hidden")
        root.rename(hidden)
        found = await open_first(pilot, WalSegment)
        assert found.query_one(Problem).error is not None
        assert "read it again" in picture(pilot)
        hidden.rename(root)
        await press(pilot, "r")
        assert found.query_one(Problem).error is None
        assert "✓ proven" in picture(pilot)


async def test_an_ltx_file_its_pages_and_one_that_cannot_be_decoded(tmp_path: Path) -> None:
    with LevelWriter(tmp_path / "app.db", tmp_path / "replica") as writer:
        writer.connection.execute("CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT)")
        writer.sync(START)
        writer.connection.execute("INSERT INTO words(word) VALUES ('x'); CREATE TABLE other(x)")
        writer.sync(START.replace(minute=1))
    settings = settings_for((tmp_path / "replica").as_uri(), scratch=tmp_path / "scratch")
    async with opened(make_console(settings), SMALL) as pilot:
        found = await open_first(pilot, LtxFile)
        assert "✓ proven" in picture(pilot)
        assert "table words" in picture(pilot)
        await press(pilot, "end", "enter")
        assert "table other, its root page, as of TXID" in picture(pilot)
        await press(pilot, "left_square_bracket")
        assert "table words, its root page" in picture(pilot)
        path = tmp_path / "replica" / found.item.key
        data = bytearray(path.read_bytes())
        data[int(found.found.anatomy.index.offset[0])] ^= 0xFF  # type: ignore[union-attr]
        path.write_bytes(data)
        await press(pilot, "left_square_bracket")
        problem = page(pilot).query_one(Problem)
        assert page(pilot).number == 0
        assert problem.error is not None
        assert "look at another page" in picture(pilot)
        await press(pilot, "right_square_bracket")
        assert problem.error is None
        await press(pilot, "escape", "r")
        assert "✗ does not hold" in picture(pilot)


async def test_much_that_is_elsewhere_is_read_in_full_only_when_asked(
    generations: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dissection, "READ_BYTES", 0)
    monkeypatch.setattr(Place, "local", property(lambda _: False))
    async with opened(make_console(generations), SMALL) as pilot:
        found = await open_first(pilot, Snapshot)
        assert "○ not proven" in picture(pilot)
        assert "c read it all" in picture(pilot)
        await press(pilot, "c")
        assert "✓ proven" in picture(pilot)
        assert found.found is not None
        assert found.found.whole


async def test_leaving_while_it_is_read(settings: Settings, gate_stores: Callable[..., Gate]) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter")
        gate = gate_stores("get")
        await pilot.press("i")
        await pilot.pause()
        assert "◌ reading" in picture(pilot)
        await pilot.press("escape")
        await pilot.pause()
        gate.open()
        await settle(pilot)
        assert view(pilot) == "replica"


async def test_what_can_be_copied_and_the_command_that_shows_the_same(generations: Settings) -> None:
    async with opened(make_console(generations), MEDIUM) as pilot:
        found = await open_first(pilot, WalSegment)
        copies = dict(found.copies())
        assert copies["object"] == found.item.key
        assert copies["position"] == str(found.item.position)
        await press(pilot, "enter")
        below = dict(page(pilot).copies())
        assert f"-frame {page(pilot).number} " in below["command"]
        assert below["page number"] == str(page(pilot).page_number)
    for words in (copies["command"], below["command"]):
        arguments = shlex.split(words)
        assert arguments[:2] == ["sqlrecover", "show"]
        assert run(arguments[1:]) == 0


async def test_hostile_names_and_values(tmp_path: Path) -> None:
    with GenerationWriter(tmp_path / "app.db", tmp_path / "replica") as writer:
        for number, evil in enumerate(text for text in HOSTILE if "\0" not in text and "\ud800" not in text):
            name = f"{number}{evil[:200]}".replace('"', "")
            writer.connection.execute(f'CREATE TABLE "{name}"(x)')
            writer.connection.execute(f'INSERT INTO "{name}" VALUES (?)', (evil,))
        writer.new_generation(START)
        writer.connection.execute("CREATE TABLE last(x)")
        writer.ship(START)
    settings = settings_for((tmp_path / "replica").as_uri(), scratch=tmp_path / "scratch")
    async with opened(make_console(settings), MEDIUM) as pilot:
        await open_first(pilot, Snapshot)
        await press(pilot, "home", "enter", "c")
        for _ in range(9):
            assert not offending(picture(pilot).replace("\n", ""))
            await press(pilot, "right_square_bracket")
        await press(pilot, "escape", "end")
        assert not offending(picture(pilot).replace("\n", ""))


def test_lists_of_any_length_are_never_made() -> None:
    entries = _Numbered(range(10_000_000), lambda n: Row(n, (str(n),)), str, lambda n, _: n)
    source = entries.source(None)
    assert source.row_count() == 10_000_000
    assert source.index_of(9_999_999) == 9_999_999
    assert source.index_of(10_000_000) is None
