"""Looking into a restore point fetches what is looked at, shows what a restore would, names what fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from sqlite_recovery_tui.demo.levels import LevelWriter
from sqlite_recovery_tui.domain import LtxFile, Txid
from sqlite_recovery_tui.errors import DamagedError, FormatError, RefusedError
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.formats.ltx.page import decode_page
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import page_map
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.preview import Preview, can_preview, open_preview
from sqlite_recovery_tui.restore.remote_pages import RemotePages
from sqlite_recovery_tui.restore.target import AtTxid, Target
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support import ltx_oracle as oracle
from tests.support.generation_writer import GenerationWriter
from tests.support.ltx_story import level_zero, shop
from tests.support.shelf import Shelf, plan_for

START = datetime(2026, 3, 26, 10, tzinfo=UTC)
ROWS = 6_000


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of some megabytes with a snapshot and five syncs behind it, one row more in each."""
    folder = tmp_path_factory.mktemp("preview")
    with LevelWriter(folder / "app.db", folder / "replica") as writer:
        sql = writer.connection
        sql.execute("CREATE TABLE first(id INTEGER PRIMARY KEY, word TEXT)")
        sql.execute("CREATE TABLE large(id INTEGER PRIMARY KEY, word TEXT)")
        query = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
        sql.execute(f"{query} INSERT INTO large SELECT i, hex(randomblob(300)) FROM n")
        writer.sync(START)
        writer.snapshot(START)
        for number in range(1, 6):
            sql.execute("INSERT INTO first(word) VALUES (?)", (f"word {number}",))
            writer.sync(START + timedelta(seconds=number))
    return folder / "replica"


def shelf_of(replica: Path) -> Shelf:
    shelf = Shelf()
    for file in replica.rglob("*.ltx"):
        time = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        shelf.objects[file.relative_to(replica).as_posix()] = (file.read_bytes(), time)
    return shelf


@contextmanager
def preview(shelf: Shelf | MemoryStore, tmp_path: Path, target: Target | None = None) -> Iterator[Preview]:
    store = shelf.store() if isinstance(shelf, Shelf) else shelf
    with open_preview(store, plan_for(store, target), tmp_path) as found:
        yield found


def words(found: Preview, table: str = "first", **how: Any) -> list[Any]:
    return [row[1].text for row in found.inspector.rows(table, **how).rows]


def test_tables_and_rows_are_those_of_the_restore_point(replica: Path, tmp_path: Path) -> None:
    with preview(shelf_of(replica), tmp_path, AtTxid(4)) as found:
        assert [table.name for table in found.inspector.tables()] == ["first", "large"]
        assert words(found) == ["word 1", "word 2", "word 3"]
        assert found.plan.reached == Txid(4)


def test_it_fetches_a_small_part_of_the_database(replica: Path, tmp_path: Path) -> None:
    shelf = shelf_of(replica)
    whole = sum(len(data) for data, _ in shelf.objects.values())
    with preview(shelf, tmp_path) as found:
        assert len(words(found, "large", limit=20)) == 20
        assert len(words(found, "large", offset=20, limit=20)) == 20
        assert 0 < found.bytes_fetched < whole / 10
        assert found.size > 3_000_000


def test_nothing_is_left_behind(replica: Path, tmp_path: Path) -> None:
    with preview(shelf_of(replica), tmp_path) as found:
        assert words(found)
        assert list(tmp_path.iterdir()) == []


def test_every_page_is_the_one_a_restore_writes(replica: Path) -> None:
    shelf = shelf_of(replica)
    for txid in (1, 3, 6):
        expected = oracle.restore(replica, txid=txid)
        pages = remote_pages(shelf.store(), AtTxid(txid))
        assert pages.pages * pages.page_size == len(expected)
        found = pages.fetch(range(1, pages.pages + 1))
        assert b"".join(found[number] for number in range(1, pages.pages + 1)) == expected


def test_pages_follow_growth_and_shrinkage() -> None:
    history = shop()
    for txid in range(1, 7):
        pages = remote_pages(history.shelf.store(), AtTxid(txid))
        found = pages.fetch(range(1, pages.pages + 1))
        assert b"".join(found[number] for number in range(1, pages.pages + 1)) == history.bytes_at(txid)


def remote_pages(store: MemoryStore, target: Target) -> RemotePages:
    route = plan_for(store, target).route
    assert isinstance(route, LtxRoute)
    return RemotePages(store, page_map.load(store, route.files))


def test_an_index_that_does_not_hold_is_avoided_through_other_levels(tmp_path: Path) -> None:
    history = shop()
    key = names.file_key(9, 1, 5)
    history.shelf.replace(key, history.shelf.data(key)[:-3])
    with preview(history.shelf, tmp_path) as found:
        assert key not in [item.key for item in (found.plan.base, *found.plan.changes)]
        assert any(key in note for note in found.plan.notes)


def test_without_another_way_the_file_is_named(tmp_path: Path) -> None:
    history = shop()
    history.shelf.replace(level_zero(6), history.shelf.data(level_zero(6))[:-3])
    with pytest.raises(DamagedError) as caught, preview(history.shelf, tmp_path):
        pass
    assert caught.value.object == level_zero(6)


def test_a_page_that_cannot_be_read_names_its_file_once_it_is_wanted(replica: Path, tmp_path: Path) -> None:
    shelf = shelf_of(replica)
    key = plan_for(shelf.store()).base.key
    data = bytearray(shelf.data(key))
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    shelf.replace(key, bytes(data))
    with preview(shelf, tmp_path) as found:
        assert words(found) == [f"word {number}" for number in range(1, 6)]
        with pytest.raises(DamagedError) as caught:
            found.inspector.count("large")
        assert caught.value.object == key


def test_a_replica_without_page_indexes_says_what_to_do(tmp_path: Path) -> None:
    shelf = Shelf()
    with GenerationWriter(tmp_path / "app.db", shelf.take) as writer:
        writer.connection.execute("CREATE TABLE t(word TEXT)")
        writer.new_generation(START)
    plan: Plan = plan_for(shelf.store())
    assert not can_preview(plan)
    with pytest.raises(RefusedError, match="after a restore"):
        open_preview(shelf.store(), plan, tmp_path)


def test_a_size_that_no_page_backs_takes_no_memory() -> None:
    store = MemoryStore("shelf")
    pages = {1: bytes(512), 2: bytes(512)}
    ltx = oracle.Ltx(512, 2, 1, 1, 1_700_000_000_000, pages)
    grown = oracle.Ltx(512, 0xFFFFFFF0, 2, 2, 1_700_000_000_000, {1: bytes(512)})
    files = []
    for txid, content in ((1, ltx), (2, grown)):
        data = oracle.write(content)
        store.put(level_zero(txid), data)
        files.append(LtxFile(0, txid, txid, level_zero(txid), len(data), START))
    with pytest.raises(DamagedError, match="pages long and brings 1"):
        page_map.load(store, files)


@pytest.mark.parametrize("encoding", [0, 1])
def test_one_page_is_decoded_or_refused_whatever_the_bytes(encoding: int) -> None:
    page = bytes(range(256)) * 2
    data = oracle.write(oracle.Ltx(512, 1, 1, 1, 1_700_000_000_000, {1: page}), encoding=encoding)
    end = data.index(bytes(6) + b"\x01", 100)  # the end of the pages, then the index's first entry
    frame = data[100:end]
    assert decode_page(frame, 1, 512) == page
    for number in range(len(frame)):
        spoilt = bytearray(frame)
        spoilt[number] ^= 0x41
        try:
            assert len(decode_page(bytes(spoilt), 1, 512)) == 512
        except FormatError:
            continue
    for length in range(len(frame)):
        with pytest.raises(FormatError):
            decode_page(frame[:length], 1, 512)
    with pytest.raises(FormatError, match="where page 1 is"):
        decode_page(frame, 2, 512)


def test_the_same_rows_as_sqlite_reads_from_a_restored_file(replica: Path, tmp_path: Path) -> None:
    restored = tmp_path / "restored.db"
    restored.write_bytes(oracle.restore(replica))
    connection = apsw.Connection(str(restored), flags=apsw.SQLITE_OPEN_READWRITE)
    expected = [
        row[0] for row in connection.execute("SELECT word FROM large ORDER BY id LIMIT 30 OFFSET 4000")
    ]
    connection.close()
    with preview(shelf_of(replica), tmp_path) as found:
        assert words(found, "large", offset=4000, limit=30) == expected
