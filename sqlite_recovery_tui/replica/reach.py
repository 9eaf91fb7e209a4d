"""Which TXIDs a set of LTX files can restore, by which files, and at the lowest price.

Files connect by number: one of TXIDs MIN to MAX goes on from any state of MIN-1 up to, not including,
MAX. A restore begins with MIN 1. Merging files whose spans overlap is harmless: later pages win.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlite_recovery_tui.domain import LtxFile


@dataclass(frozen=True, slots=True)
class Step:
    """The best way to one TXID: the file that leads there, and the step it goes on from."""

    txid: int
    last: LtxFile
    before: int
    """Number of the step in front of it, -1 for none."""
    price: tuple[int, int]
    """Bytes to fetch and objects, all the way from the start."""
    time: datetime
    """By when everything was stored that some way to this TXID needs."""


def steps(files: Iterable[LtxFile], *, start: int = 0) -> list[Step]:
    """Return a step for every TXID that `files`, in order of MAX, lead to, in rising order.

    They lead there from the state of TXID `start`; from none at all where that is 0.
    """
    found: list[Step] = []
    txids: list[int] = []
    for txid, group in groupby(files, key=lambda file: file.max_txid):
        if txid <= start:
            continue
        ways = [way for file in group if (way := _step(file, found, txids, start))]
        if not ways:
            continue
        cheapest = min(ways, key=lambda step: step.price)
        time = min(way.time for way in ways)
        found.append(Step(cheapest.txid, cheapest.last, cheapest.before, cheapest.price, time))
        txids.append(cheapest.txid)
    return found


def route(found: list[Step], number: int) -> tuple[LtxFile, ...]:
    """Return the files that lead to step `number`, the first one first."""
    files = []
    while number >= 0:
        files.append(found[number].last)
        number = found[number].before
    return tuple(reversed(files))


def number_of(found: list[Step], txid: int) -> int | None:
    """Return the number of the step to `txid`, None when it cannot be restored."""
    number = bisect_left(found, txid, key=lambda step: step.txid)
    return number if number < len(found) and found[number].txid == txid else None


def _step(file: LtxFile, found: list[Step], txids: list[int], start: int) -> Step | None:
    """Return the cheapest way from `start` to the file's MAX that ends with `file`."""
    if file.min_txid <= start + 1:
        return Step(file.max_txid, file, -1, (file.size, 1), file.time)
    first = bisect_left(txids, file.min_txid - 1)
    if first == len(found):
        return None
    before = min(range(first, len(found)), key=lambda number: found[number].price)
    # The price and the time may be those of different ways: each is the best that there is.
    earliest = min(found[number].time for number in range(first, len(found)))
    size, count = found[before].price
    price = (size + file.size, count + 1)
    return Step(file.max_txid, file, before, price, max(earliest, file.time))
