"""A source of pages over an ordinary file: remembers what it is asked for, delays and fails on script."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

Script = Callable[[int, Sequence[int]], object]


class FilePages:
    """The pages of a database file; `script(call, numbers)` runs before each call is answered."""

    def __init__(self, path: Path, *, script: Script | None = None) -> None:
        self._path = path
        with open(path, "rb") as file:
            stored = int.from_bytes(os.pread(file.fileno(), 2, 16), "big")
        self.page_size = 65536 if stored == 1 else stored or 4096
        self.pages = path.stat().st_size // self.page_size
        self.script = script
        self.calls: list[list[int]] = []
        self._lock = threading.Lock()

    def fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        assert list(numbers) == sorted(set(numbers)), "rising, each once"
        assert numbers[0] >= 1
        assert numbers[-1] <= self.pages
        assert (1 << 30) // self.page_size + 1 not in numbers
        with self._lock:
            self.calls.append(list(numbers))
            call = len(self.calls)
        if self.script:
            self.script(call, numbers)
        with open(self._path, "rb") as file:
            return {
                number: os.pread(file.fileno(), self.page_size, (number - 1) * self.page_size)
                for number in numbers
            }


@contextmanager
def counting(source: FilePages) -> Iterator[list[int]]:
    """Yield a list that holds the pages asked for inside the block, once it ends."""
    before, pages = len(source.calls), list[int]()
    yield pages
    pages += [number for call in source.calls[before:] for number in call]
