"""Repeatable write-ahead logs: the salts that SQLite draws for them come from a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import apsw


@contextmanager
def repeatable_salts() -> Iterator[None]:
    """Make SQLite draw the same random numbers each time this context is entered."""
    # Opening a file reseeds unless the system's own layer has given a seed to this process before.
    _reseed()
    fixed = _FixedSeed("sqlrecover-demo-seed", "", makedefault=True)
    _reseed()
    fixed.unregister()
    try:
        yield
    finally:
        _reseed()


def _reseed() -> None:
    """Let SQLite's random numbers start anew, from the seed that the default layer gives."""
    apsw.randomness(0)
    apsw.randomness(1)


class _FixedSeed(apsw.VFS):
    """The platform's own file system layer, with a fixed seed in place of the system's randomness."""

    def xRandomness(self, count: int) -> bytes:  # noqa: N802  (SQLite's name)
        return Random(0).randbytes(count)  # noqa: S311  (only while a demo is built)
