"""What the measured databases hold: rows that halve under LZ4, and updates scattered over all of them."""

from __future__ import annotations

from collections.abc import Iterator

ROW_BYTES = 960
ROWS_PER_COMMIT = 20
PAGE_SIZE = 4096
_ROW_WITH_PAGE_SHARE = ROW_BYTES + 60
_UNIT = 64
_RANDOM_OF_UNIT = 29


def rows_of(megabytes: int) -> int:
    """Return how many rows make a database of about this size."""
    return megabytes * (1 << 20) // _ROW_WITH_PAGE_SHARE


def bodies() -> Iterator[bytes]:
    """Yield row contents in which random bytes and constant ones alternate closely."""
    import numpy

    random = numpy.random.default_rng(1)
    size = ROW_BYTES // _UNIT
    while True:
        units = random.integers(0, 256, (20_000 * size, _UNIT), numpy.uint8)
        units[:, _RANDOM_OF_UNIT:] = numpy.frombuffer(
            b"the constant part of every unit of data", numpy.uint8
        )[: _UNIT - _RANDOM_OF_UNIT]
        data = units.tobytes()
        for at in range(0, len(data), ROW_BYTES):
            yield data[at : at + ROW_BYTES]


def scattered(commit: int, number: int, rows: int) -> int:
    """Return the row that a commit changes as its `number`-th: seldom near another one."""
    return (commit * ROWS_PER_COMMIT + number) * 2_654_435_761 % rows + 1
