"""The parts of reading on demand: where a page leads to, what is suggested, what is kept."""

from __future__ import annotations

import os
import random
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.sqlite.lazy.ahead import ReadAhead
from sqlite_recovery_tui.sqlite.lazy.btree import Links, links
from sqlite_recovery_tui.sqlite.lazy.source import lock_page
from sqlite_recovery_tui.sqlite.lazy.sparse import SparseFile, SparseReader

from .test_lazy_answers import build
from .test_lazy_limits import interior


@pytest.mark.parametrize(
    ("pragmas", "reserved"),
    [((), 0), (("page_size = 512",), 0), (("page_size = 65536",), 0), (("page_size = 1024",), 40)],
    ids=str,
)
def test_links_are_those_sqlite_follows(tmp_path: Path, pragmas: tuple[str, ...], reserved: int) -> None:
    path = build(tmp_path / "app.db", 3, *pragmas, reserved=reserved)
    expected: dict[int, Links] = {}
    with closing(apsw.Connection(str(path))) as connection:
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
        for (name,) in connection.execute("SELECT DISTINCT name FROM dbstat").fetchall():
            sql = "SELECT path, pageno FROM dbstat WHERE name = ? ORDER BY path"
            expected |= links_of_tree(connection.execute(sql, (name,)).fetchall())
    data = path.read_bytes()
    for number, links_of_page in expected.items():
        found = links(data[(number - 1) * size : number * size], number, size - reserved)
        assert (list(found.children), list(found.heads)) == (links_of_page.children, links_of_page.heads)
        assert list(found.tails) == list(links_of_page.tails)[:1024]
    assert sum(len(each.heads) for each in expected.values()) > (100 if size < 65536 else 1)


def links_of_tree(pages: list[tuple[str, int]]) -> dict[int, Links]:
    """Build links from the paths of `dbstat`: /00a/003/ is child 3 of /00a/, /00a/004+000000 overflow."""
    numbers, found = dict(pages), dict[int, Links]()
    for place, number in pages:
        if "+" in place:
            continue
        below = [each for each in numbers if each.startswith(place) and each != place]
        children = [numbers[each] for each in below if each[len(place) :].count("/") == 1 and each[-1] == "/"]
        cells: dict[str, list[int]] = {}
        for each in below:
            cell, plus, _ = each[len(place) :].partition("+")
            if plus and "/" not in cell:
                cells.setdefault(cell, []).append(numbers[each])
        heads = [chain[0] for chain in cells.values()]
        tails = [chain[0] + step for chain in cells.values() for step in range(1, len(chain))]
        found[number] = Links(children, heads, tails)
    return found


@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_noise_leads_somewhere_or_nowhere_but_never_fails(size: int) -> None:
    chance = random.Random(size)
    ahead = ReadAhead(size, 1000, 4 << 20)
    for number in range(2000 if size < 65536 else 200):
        page = bytearray(chance.randbytes(size))
        page[0] = chance.choice((2, 5, 10, 13, 13, chance.randrange(256)))
        if number % 2:
            page[3:5] = chance.randrange(size // 4).to_bytes(2, "big")
        links(bytes(page), 2, size)
        ahead.learn(chance.randrange(1, 1000), bytes(page))
        asked = chance.randrange(1, 1001)
        most = chance.randrange(1, 200)
        suggested = ahead.suggest(asked, lambda page: page % 3 != 0, most)
        assert suggested[0] == asked
        assert len(suggested) == len(set(suggested)) <= most
        assert all(0 < page <= 1000 and (page == asked or page % 3) for page in suggested)


@pytest.mark.parametrize("circle", [3, 400])
def test_reading_ahead_has_bounds_in_memory_and_time(circle: int) -> None:
    """Interior pages of 64 KiB with eight thousand cells, which lead to the same pages over and over."""
    ahead = ReadAhead(65536, 1 << 20, 4 << 20)
    page = bytearray(65536)
    page[0], page[3:5] = 5, (8000).to_bytes(2, "big")
    for number in range(8000):
        page[12 + 2 * number : 14 + 2 * number] = (30_000 + 4 * number).to_bytes(2, "big")
        page[30_000 + 4 * number : 30_004 + 4 * number] = (2 + number % circle).to_bytes(4, "big")
    began = time.process_time()
    for number in range(2, 82):
        ahead.learn(number, bytes(page))
        ahead.suggest(number, lambda _: False, 1000)
    assert time.process_time() - began < 10
    assert ahead.size <= 1 << 17


def test_a_scan_is_seen_and_a_jump_too() -> None:
    ahead, there = ReadAhead(4096, 10_000, 4 << 20), {1, 2}
    ahead.learn(2, interior(list(range(5000, 9000, 10)), 4096))
    suggest = lambda page: ahead.suggest(page, lambda number: number not in there, 1000)  # noqa: E731

    def take(page: int) -> list[int]:
        suggested = suggest(page)
        there.update(suggested)
        return suggested

    first = take(5000)
    assert first == list(range(5000, 5000 + 10 * len(first), 10))
    following = take(first[-1] + 10)
    assert len(following) > len(first)
    assert following == list(range(first[-1] + 10, first[-1] + 10 + 10 * len(following), 10))
    jumps = [len(take(page)) for page in (7000, 8500, 6000, 8000, 7500)]
    assert jumps[-1] == 1
    backwards = [take(7490), take(7480 - 10 * 2)]
    assert backwards[0][0] == 7490
    assert backwards[1] == list(range(7460, 7460 - 10 * len(backwards[1]), -10))


def test_a_sparse_file_has_what_was_written_and_zeros_for_the_lock_page(tmp_path: Path) -> None:
    chance, written = random.Random(2), dict[int, bytes]()
    pages = (1 << 30) // 512 + 5
    with closing(SparseFile(tmp_path, 512, pages)) as file:
        reader = SparseReader(file.reader, 512, pages)
        for _ in range(200):
            first, count = (
                chance.choice((chance.randrange(1, 60), chance.randrange(pages - 60, pages - 10))),
                3,
            )
            data = chance.randbytes(count * 512)
            file.write(first, data)
            written |= {first + each: data[each * 512 : each * 512 + 512] for each in range(count)}
        written[lock_page(512)] = bytes(512)
        for page in (*range(1, 70), *range(pages - 70, pages + 1)):
            assert file.has(page) == reader.has(page) == (page in written)
            if page in written and page != lock_page(512):
                assert reader.read((page - 1) * 512, 512) == written[page]
        file.write(pages, bytes(512))
        assert reader.has(pages)
        assert os.fstat(file.reader).st_blocks * 512 < 1 << 20
    assert not list(tmp_path.iterdir())
