"""However hostile a database or the process that reads it, what is fetched and kept has bounds."""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import DamagedError, InspectorDied, RecoverError, RefusedError
from sqlite_recovery_tui.sqlite import inspector_process
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.lazy.source import FetchLimits
from tests.support.pages import FilePages

from .conftest import Inspect, Make

NUMBERS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {}) "


@pytest.fixture
def path(make: Make) -> Path:
    """Four thousand pages of rows."""
    return make(
        "CREATE TABLE small(a); INSERT INTO small VALUES (1); CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
        f"{NUMBERS.format(8000)} INSERT INTO t SELECT x, printf('%.*c', 1900, 'x') FROM n;"
    )


def test_a_request_has_an_allowance_and_may_be_asked_again(path: Path, inspect: Inspect) -> None:
    source = FilePages(path)
    inspector = inspect(path, pages=source, fetch=FetchLimits(call_bytes=4 << 20))
    with pytest.raises(RefusedError, match=r"app\.db: this needs more than 4\.0 MiB, the most") as caught:
        inspector.count("t")
    assert caught.value.code == 7
    assert "asking again goes on" in caught.value.hint
    assert inspector.fetched_bytes == 4 << 20
    assert inspector.count("small") == 1
    for _ in range(2):
        with pytest.raises(RefusedError):
            inspector.count("t")
    assert inspector.count("t") == 8000
    assert inspector.rows("t", offset=7990).rows[0][0].value == 7991


def test_an_inspector_has_an_allowance_too(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path, pages=FilePages(path), fetch=FetchLimits(total_bytes=3 << 20))
    for _ in range(2):
        with pytest.raises(RefusedError, match=r"3\.0 MiB, the most that is fetched without a restore"):
            inspector.count("t")
    assert inspector.fetched_bytes == 3 << 20
    assert inspector.rows("t").rows, "what is there can still be seen"


def test_checks_are_refused_unless_they_may_fetch_everything(path: Path, inspect: Inspect) -> None:
    source = FilePages(path)
    inspector = inspect(path, pages=source)
    for check in (inspector.check, inspector.foreign_keys):
        with pytest.raises(RefusedError, match=r"a check would fetch all of it, 1\d\.\d MiB") as caught:
            check()
        assert "Restore it" in caught.value.hint
    assert not source.calls
    inspector = inspect(path, pages=source, fetch=FetchLimits(checks=True, call_bytes=1, total_bytes=1))
    assert inspector.check("full").ok
    assert inspector.foreign_keys().ok
    assert inspector.fetched_pages == source.pages
    assert max(len(call) for call in source.calls) <= 1024
    assert len(source.calls) == -(-source.pages // 1024)


def test_pages_are_kept_in_a_file_without_a_name_and_only_its_owner_reads_it(
    path: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = os.umask(0)
    try:
        inspector = Inspector(scratch / "preview", pages=FilePages(path))
        with inspector:
            inspector.rows("t", offset=500)
            assert not list(scratch.iterdir())
            opened = _files_of(inspector.pid, scratch)
            assert len(opened) == 1, "the child has it"
            state = os.stat(opened[0])
            assert stat.S_IMODE(state.st_mode) == 0o600
            assert state.st_nlink == 0
            assert inspector.fetched_bytes <= state.st_blocks * 512 < inspector.fetched_bytes + (1 << 20)
            flags = Path(opened[0].replace("/fd/", "/fdinfo/")).read_text().split("flags:\t")[1]
            assert int(flags.split()[0], 8) & os.O_ACCMODE == os.O_RDONLY
            assert resource.prlimit(inspector.pid, resource.RLIMIT_FSIZE) == (0, 0)
            assert len(_files_of(os.getpid(), scratch)) == 2
        assert not _files_of(os.getpid(), scratch)
    finally:
        os.umask(before)


def _files_of(pid: int | None, directory: Path) -> list[str]:
    folder = f"/proc/{pid}/fd"
    found = []
    for number in os.listdir(folder):
        try:
            if os.readlink(f"{folder}/{number}").startswith(f"{directory}/"):
                found.append(f"{folder}/{number}")
        except FileNotFoundError:
            continue
    return found


def test_a_scratch_directory_that_takes_nothing_is_named(path: Path, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "preview"
    with Inspector(missing, pages=FilePages(path)) as inspector:
        with pytest.raises(
            RefusedError, match=r"cannot keep pages in the scratch directory .*nowhere"
        ) as caught:
            inspector.tables()
        assert caught.value.hint
        missing.parent.mkdir()
        assert inspector.tables()


def test_a_full_disk_is_named(path: Path, inspect: Inspect, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    inspector = inspect(path, pages=FilePages(path))
    inspector.tables()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(RefusedError, match="No space left on device"):
            inspector.rows("t")
    assert inspector.rows("t").rows


def test_a_database_of_absurd_size_is_refused(path: Path, inspect: Inspect) -> None:
    source = FilePages(path)
    source.page_size, source.pages = 65536, (1 << 32) - 2
    with pytest.raises(RefusedError, match="too many"):
        inspect(path, pages=source).summary()


@pytest.mark.parametrize(
    "ask",
    [
        "[0, 1]",
        "[-1, 1]",
        "[1, 0]",
        "[1, 1000000]",
        "[99999999, 1]",
        "1",
        "[1]",
        '["1", 1]',
        "[1.5, 1]",
        "null",
    ],
)
def test_a_child_that_asks_for_what_is_not_there_is_dropped(
    path: Path, inspect: Inspect, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    source = FilePages(path)
    inspector = inspect(path, pages=source)
    script = f"print('{{\"fetch\": {ask}}}', flush=True); input(); input()"
    with monkeypatch.context() as patch:
        patch.setattr(inspector_process, "_COMMAND", (sys.executable, "-I", "-c", script))
        with pytest.raises(InspectorDied, match="no request for pages"):
            inspector.tables()
    assert not source.calls
    assert inspector.tables()


def test_a_child_that_asks_without_end_is_stopped(
    path: Path, inspect: Inspect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have taken over by what it read: each page is fetched once, up to the allowance."""
    source = FilePages(path)
    inspector = inspect(path, pages=source, fetch=FetchLimits(call_bytes=1 << 20))
    script = f"""
import json, sys
answer = lambda: json.loads(sys.stdin.readline())
print(json.dumps({{"id": answer()["id"], "result": ""}}), flush=True)
number = answer()["id"]
for page in range(1, {source.pages}):
    print(json.dumps({{"fetch": [page, 1]}}), flush=True); answer()
print(json.dumps({{"id": number, "result": []}}), flush=True); answer()
"""
    monkeypatch.setattr(inspector_process, "_COMMAND", (sys.executable, "-I", "-c", script))
    with pytest.raises(RefusedError, match="more than"):
        inspector.tables()
    assert inspector.fetched_bytes == 1 << 20


def test_a_file_that_is_here_has_no_pages_to_ask_for(
    path: Path, inspect: Inspect, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "print('{\"fetch\": [1, 1]}', flush=True); input(); input()"
    monkeypatch.setattr(inspector_process, "_COMMAND", (sys.executable, "-I", "-c", script))
    with pytest.raises(InspectorDied, match="no request for pages"):
        inspect(path).tables()


@pytest.mark.parametrize("trick", ["loop", "self", "fan", "noise"])
def test_pages_that_lead_in_circles_or_nowhere_cost_no_more_than_the_allowance(
    path: Path, inspect: Inspect, trick: str
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 't'").fetchall()
    size, data = 4096, bytearray(path.read_bytes())
    pages = len(data) // size
    targets = {
        "loop": [root + 1, root],
        "self": [root],
        "fan": random.Random(1).sample(range(2, pages), 400),
        "noise": [0xFFFFFFFF, 0, pages + 1, pages],
    }[trick]
    for page in {root, *targets}:
        if 0 < page <= pages:
            data[(page - 1) * size : page * size] = interior(targets, size)
    path.write_bytes(data)
    source = FilePages(path)
    inspector = inspect(path, pages=source, fetch=FetchLimits(call_bytes=2 << 20))
    for request in (lambda: inspector.count("t"), lambda: inspector.rows("t", offset=7000)):
        with pytest.raises((DamagedError, RefusedError)):
            request()
    assert inspector.fetched_bytes <= 2 * (2 << 20)
    assert inspector.rows("small").rows[0][0].value == 1


def interior(targets: list[int], size: int) -> bytes:
    """Return an interior page of a table that leads to these pages, again and again."""
    cells = [targets[number % len(targets)] for number in range(400)]
    page = bytearray(size)
    page[0], page[3:5], page[8:12] = 5, len(cells).to_bytes(2, "big"), targets[0].to_bytes(4, "big")
    at = size
    for number, target in enumerate(cells):
        at -= 6
        page[at : at + 6] = target.to_bytes(4, "big") + bytes((0x80 | number >> 7, number & 127))
        page[12 + 2 * number : 14 + 2 * number] = at.to_bytes(2, "big")
    page[5:7] = at.to_bytes(2, "big")
    return bytes(page)


def test_noise_has_an_end(tmp_path: Path, inspect: Inspect) -> None:
    chance = random.Random(5)
    for number in range(5):
        path = tmp_path / f"{number}.db"
        start = (
            b"SQLite format 3\0" + (4096).to_bytes(2, "big") + b"\1\1\0\x40\x20\x20" + chance.randbytes(76)
        )
        path.write_bytes(start + chance.randbytes(300 * 4096 - 100))
        inspector = inspect(path, pages=FilePages(path), fetch=FetchLimits(call_bytes=1 << 20))
        for request in (inspector.summary, inspector.tables, lambda: inspector.rows("t")):  # noqa: B023
            with pytest.raises(RecoverError):
                request()
