"""Memory does not grow with the database; beyond a gibibyte the lock page is zero, and all else as ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.formats.ltx.header import Header, lock_page
from sqlite_recovery_tui.formats.ltx.write import LtxWriter
from sqlite_recovery_tui.storage.files import FileStore
from tests.support.shelf import restore_to

ROOT = Path(__file__).resolve().parents[2]
PEAK_MB = 200
MEGABYTES = 320
PAGE = 4096


def write(root: Path, level: int, low: int, high: int, size: int, parts: Iterator[tuple], page: int) -> Path:
    """Write a file part by part: page numbers and their images."""
    path = root / names.file_key(level, low, high)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = LtxWriter(Header(page, size, low, high, 1_774_519_200_000 + high))
    with path.open("wb") as file:
        file.write(writer.begin())
        for numbers, images in parts:
            file.write(writer.add(numbers, images))
        file.write(writer.end())
    os.utime(path, (1_774_519_200 + high, 1_774_519_200 + high))
    return path


def images(numbers: np.ndarray, seed: int, random_bytes: int) -> np.ndarray:
    """Return pages whose first bytes are random and whose last ones are their numbers."""
    made = np.zeros((len(numbers), PAGE), dtype=np.uint8)
    made[:, :random_bytes] = np.random.default_rng(seed).integers(
        0, 256, (len(numbers), random_bytes), dtype=np.uint8
    )
    made[:, -4:] = numbers.astype("<u4").view(np.uint8).reshape(-1, 4)
    return made


def in_parts(numbers: np.ndarray, seed: int, random_bytes: int = PAGE // 2) -> Iterator[tuple]:
    for start in range(0, len(numbers), 2048):
        part = numbers[start : start + 2048]
        yield part, images(part, seed + start, random_bytes)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A large base, a compaction of a third of it, one of zeros that is tiny as stored, and many syncs."""
    root = tmp_path_factory.mktemp("large")
    size = MEGABYTES * (1 << 20) // PAGE
    everything = np.arange(1, size + 1, dtype=np.uint32)
    write(root, 9, 1, 1, size, in_parts(everything, 1), PAGE)
    write(root, 2, 2, 50, size, in_parts(everything[::3], 2), PAGE)
    zeros = write(root, 1, 51, 60, size, in_parts(everything[5000:20000], 3, 0), PAGE)
    assert zeros.stat().st_size < 2 << 20
    for txid in range(61, 361):
        write(root, 0, txid, txid, size, in_parts(everything[txid::1500], txid), PAGE)
    return root, size


CHILD = """
import sys
from pathlib import Path
from sqlite_recovery_tui.storage.files import FileStore
from tests.support.faults import FaultyStore
from tests.support.shelf import restore_to

store = FaultyStore(FileStore(Path(sys.argv[1])), is_local=sys.argv[3] == "local")
result = restore_to(Path(sys.argv[2]), store)
assert result.objects > 300
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_restore_stays_within_its_memory(kind: str, large: tuple[Path, int], tmp_path: Path) -> None:
    root, size = large
    output = tmp_path / "out.db"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), str(output), kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    peak = int(done.stdout)
    assert peak < PEAK_MB
    found = np.memmap(output, dtype=np.uint8, mode="r", shape=(size, PAGE))
    numbers = found[:, -4:].copy().view("<u4").reshape(-1)
    assert (numbers == np.arange(1, size + 1)).all()
    assert (found[:5000, 0] != 0).mean() > 0.9
    assert (found[5000:20000, 0] == 0).mean() > 0.7


def test_the_lock_page_of_a_database_over_a_gibibyte_is_zero(tmp_path: Path) -> None:
    """Nothing else of such a file is out of the ordinary; page size 65536, since few pages do then."""
    page = 65536
    lock = lock_page(page)
    size = lock + 40

    def parts(numbers: list[int], mark: int) -> Iterator[tuple]:
        for start in range(0, len(numbers), 64):
            part = np.array(numbers[start : start + 64], dtype=np.uint32)
            data = np.full((len(part), page), mark, dtype=np.uint8)
            data[:, :4] = part.astype("<u4").view(np.uint8).reshape(-1, 4)
            yield part, data

    root = tmp_path / "replica"
    base = lock + 3
    write(root, 9, 1, 1, base, parts([each for each in range(1, base + 1) if each != lock], 1), page)
    changed = [1, lock - 1, *range(lock + 1, size + 1)]
    write(root, 0, 2, 2, size, parts(changed, 2), page)
    result = restore_to(tmp_path / "out.db", FileStore(root))
    assert (result.pages, result.continuity) == (size, "proven")
    found = np.memmap(tmp_path / "out.db", dtype=np.uint8, mode="r", shape=(size, page))
    assert not found[lock - 1].any()
    numbers = found[:, :4].copy().view("<u4").reshape(-1)
    expected = np.arange(1, size + 1)
    expected[lock - 1] = 0
    assert (numbers == expected).all()
    marks = np.ones(size, dtype=np.uint8)
    marks[[each - 1 for each in changed]] = 2
    marks[lock - 1] = 0
    assert (found[:, 4] == marks).all()
    assert (found[:, -1] == marks).all()
