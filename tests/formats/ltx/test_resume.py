"""Reading a file can be taken up at any mark, and what was read before the mark still counts."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED, Spelling
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Mark, Memory
from sqlite_recovery_tui.formats.ltx.write import encode_file
from tests.formats.ltx.samples import a_header, numbers, some_pages, tracked

COUNT = 2600


def a_base(spelling: Spelling, keeps_sum: bool) -> bytes:
    header = a_header(4096, COUNT, base=True)
    header = tracked(header) if keeps_sum else header
    return encode_file(header, numbers(range(1, COUNT + 1)), some_pages(COUNT, 4096), spelling=spelling)


def marks(data: bytes) -> list[Mark]:
    reader = LtxReader(Memory(data))
    found = [reader.mark, *(reader.mark for _ in reader.chunks())]
    assert len(found) > 4
    return found


def rest(data: bytes, mark: Mark) -> list[int]:
    """Read on behind a mark and return the page numbers."""
    reader = LtxReader.resume(Memory(data[mark.position :]), mark)
    return np.concatenate([numbers([]), *(chunk.pgno.copy() for chunk in reader.chunks())]).tolist()


@pytest.mark.parametrize("spelling", [SIZED, FRAMED])
@pytest.mark.parametrize("keeps_sum", [False, True])
def test_it_goes_on_behind_every_mark(spelling: Spelling, keeps_sum: bool) -> None:
    data = a_base(spelling, keeps_sum)
    for mark in marks(data):
        kept = Mark(**json.loads(json.dumps(asdict(mark))))
        assert rest(data, kept) == list(range(mark.last + 1, COUNT + 1))


def test_damage_in_front_of_the_mark_is_found_at_the_end() -> None:
    data = a_base(SIZED, keeps_sum=False)
    mark = marks(data)[2]
    for wrong in (
        replace(mark, crc=mark.crc ^ 1),
        replace(mark, entries_crc=mark.entries_crc ^ 1),
        replace(mark, entries_size=mark.entries_size + 1),
        replace(mark, pages=mark.pages - 1),
    ):
        with pytest.raises(FormatError):
            rest(data, wrong)


def test_damage_behind_the_mark_is_found() -> None:
    data = a_base(SIZED, keeps_sum=True)
    mark = marks(data)[2]
    for place in (mark.position, mark.position + 4000, len(data) - 30, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(FormatError):
            rest(bytes(damaged), mark)
