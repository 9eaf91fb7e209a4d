"""How fast LTX pages are decoded, their file's checksum verified and their places noted, in MB of pages.

Run as a program, it prints a rate for each run; the pages are in memory, so that no disk counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED, Spelling
from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.formats.ltx.index import U8, U32
from sqlite_recovery_tui.formats.ltx.read import Decoded, decode_many
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory
from sqlite_recovery_tui.formats.ltx.write import encode_file
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.ltx_stream import chunks
from sqlite_recovery_tui.restore.workers import decoders
from tests.benchmarks.content import PAGE_SIZE, ROW_BYTES, bodies

PAGES = 32_768
SMALL_PAGES = 20
_SMALL_AT_ONCE = 50
_TIME = 1_774_519_200_000
_SPELLINGS = {"sized blocks": SIZED, "frames": FRAMED}


@dataclass(frozen=True)
class Rates:
    """What one kind of file gave in each run, in MB/s."""

    title: str
    megabytes_per_second: list[float]

    def to_json(self) -> dict[str, Any]:
        return {"title": self.title, "megabytes_per_second": self.megabytes_per_second}


@dataclass
class Throughput:
    """All kinds of files."""

    rates: list[Rates]

    @property
    def failed(self) -> bool:
        return False

    def table(self) -> str:
        """Return the rates as text: medians, and the lowest and the highest."""
        lines = [f"decode, verify and map LTX pages of {PAGE_SIZE} bytes"]
        for each in self.rates:
            found = each.megabytes_per_second
            lines.append(f"  {each.title:<46} {median(found):6.0f} MB/s  ({min(found):.0f}-{max(found):.0f})")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        return {"title": "LTX throughput", "rates": [each.to_json() for each in self.rates]}


def throughput(runs: int) -> Throughput:
    """Measure all kinds of files, in turn, in a process of their own."""
    command = [sys.executable, "-m", "tests.benchmarks.throughput", str(runs)]
    tree = Path(__file__).resolve().parents[2]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=tree)
    return Throughput([Rates(title, found) for title, found in json.loads(answer.stdout).items()])


def measure(runs: int, pages: int = PAGES) -> dict[str, list[float]]:
    """Return the rates of every kind of file, each run taking all kinds in turn."""
    images = _images(pages)
    jobs = dict(_jobs(images))
    found: dict[str, list[float]] = {title: [] for title in jobs}
    for _ in range(runs):
        for title, job in jobs.items():
            began = time.perf_counter()
            mapped = job()
            found[title].append(images.nbytes / 1e6 / (time.perf_counter() - began))
            if np.count_nonzero(mapped) != pages:
                raise AssertionError(f"{title}: not every page was found")
    return found


def _jobs(images: U8) -> Iterator[tuple[str, Callable[[], U32]]]:
    pages = len(images)
    for name, spelling in _SPELLINGS.items():
        base = _encoded(images, spelling, 0, pages, 1)
        small = [
            _encoded(images, spelling, at, min(SMALL_PAGES, pages - at), number)
            for number, at in enumerate(range(0, pages, SMALL_PAGES), start=2)
        ]
        yield f"a whole database, {name}, one thread", partial(_alone, base, pages)
        yield f"a whole database, {name}, as a restore does", partial(_side_by_side, base, pages)
        yield f"files of {SMALL_PAGES} pages, {name}, one thread", partial(_many, small, pages)


def _images(pages: int) -> U8:
    """Return database pages of rows that halve under LZ4."""
    per_page = PAGE_SIZE // ROW_BYTES
    data = b"".join(islice(bodies(), pages * per_page))
    images = np.zeros((pages, PAGE_SIZE), dtype=np.uint8)
    images[:, : per_page * ROW_BYTES] = np.frombuffer(data, dtype=np.uint8).reshape(pages, -1)
    return images


def _encoded(images: U8, spelling: Spelling, first: int, count: int, txid: int) -> bytes:
    header = Header(PAGE_SIZE, len(images), txid, txid, _TIME)
    numbers = np.arange(first + 1, first + count + 1, dtype=np.uint32)
    return encode_file(header, numbers, images[first : first + count], spelling=spelling)


def _alone(data: bytes, pages: int) -> U32:
    places = np.zeros(pages + 1, dtype=np.uint32)
    for chunk in LtxReader(Memory(data)).chunks():
        places[chunk.pgno] = chunk.rows.index.offset
    return places


def _side_by_side(data: bytes, pages: int) -> U32:
    places = np.zeros(pages + 1, dtype=np.uint32)
    with ThreadPoolExecutor(decoders()) as pool:
        for chunk in chunks(LtxReader(Memory(data)), pool, CancelToken()):
            places[chunk.pgno] = chunk.rows.index.offset
    return places


def _many(files: Sequence[bytes], pages: int) -> U32:
    """Decode small files as a restore does, many at once."""
    newest = np.zeros(pages + 1, dtype=np.uint32)
    for at in range(0, len(files), _SMALL_AT_ONCE):
        for number, file in enumerate(decode_many(files[at : at + _SMALL_AT_ONCE]), start=at):
            assert isinstance(file, Decoded)
            newest[file.pgno] = number + 1
    return newest


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
