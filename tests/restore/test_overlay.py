"""The newest image of every changed page, as a dictionary would have it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.restore.overlay import Overlay
from tests.support.properties import examples

PAGE = 512
PARTS = st.lists(st.lists(st.sets(st.integers(1, 40), max_size=12), min_size=1, max_size=4), max_size=5)


@contextmanager
def overlay(folder: Path, pages: int) -> Iterator[Overlay]:
    with ThreadPoolExecutor(2) as pool:
        made = Overlay(folder, PAGE, pages, pool)
        try:
            yield made
        finally:
            made.close()


def part(numbers: set[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pages with an image each that tells the part and the page; rows that do not touch."""
    ordered = np.array(sorted(numbers), dtype=np.uint32)
    rows = np.zeros((len(ordered), PAGE + 10), dtype=np.uint8)
    rows[:, 10:12] = np.stack([np.full(len(ordered), seed), ordered], axis=1)
    return ordered, rows[:, 10:]


def fill(made: Overlay, batches: list[list[set[int]]], *, lasting: bool = True) -> dict[int, int]:
    """Add all parts, the newest first, and spoil those that need not last; return which part a page is of."""
    model: dict[int, int] = {}
    seed = 0
    for batch in batches:
        parts = [part(numbers, seed + place) for place, numbers in enumerate(batch)]
        expected = {}
        for place, numbers in enumerate(batch):
            for page in numbers:
                if page <= made.pages and page not in model and page not in expected:
                    expected[page] = place
        kept, part_of = made.add(parts, lasting=lasting)
        for _, images in [] if lasting else parts:
            images[:] = 99
        assert dict(zip(kept.tolist(), part_of.tolist(), strict=True)) == expected
        model.update({page: seed + place for page, place in expected.items()})
        seed += len(batch)
    made.seal()
    return model


@examples(80)
@given(PARTS, st.integers(1, 45), st.integers(1, 45), st.integers(1, 20), st.booleans())
def test_the_first_image_of_a_page_counts(
    tmp_path: Path, batches: list[list[set[int]]], pages: int, first: int, count: int, lasting: bool
) -> None:
    with overlay(tmp_path, pages) as made:
        model = fill(made, batches, lasting=lasting)
        assert (len(made), made.size) == (len(model), len(model) * PAGE)
        last = first + count - 1
        inside = [page for page in range(first, last + 1) if page in model]
        assert made.known(first, last) == len(inside)
        unknown = (page for page in range(first, last + 1) if page not in model)
        assert made.first_unknown(first, last) == next(unknown, None)
        images = np.full((count, PAGE), 255, dtype=np.uint8)
        made.patch(first, images)
        for row, page in enumerate(range(first, last + 1)):
            wanted = [model[page], page] if page in model else [255, 255]
            assert images[row, :2].tolist() == wanted
            assert (images[row, 2:] == (0 if page in model else 255)).all()
        assert list(tmp_path.iterdir()) == [], "the images have a name"


def test_more_images_than_one_call_takes(tmp_path: Path) -> None:
    count = 3000
    with overlay(tmp_path, count) as made:
        numbers = np.arange(count, 0, -1, dtype=np.uint32)
        images = np.repeat(numbers.astype("<u4").view(np.uint8).reshape(-1, 4), PAGE // 4, axis=1)
        made.add([(numbers, images)], lasting=True)
        made.seal()
        found = np.zeros((count, PAGE), dtype=np.uint8)
        made.patch(1, found)
        assert (found == images[::-1]).all()


def test_what_a_killed_attempt_left_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(b"old")
    with overlay(tmp_path, 3) as made:
        fill(made, [[{1, 3}]])
        assert made.known(1, 3) == 2


def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with overlay(tmp_path, 9) as made:
        monkeypatch.setattr(os, "pwritev", refuse)
        with pytest.raises(OSError, match="No space left"):
            fill(made, [[{1}], [{2}], [{3}], [{4}]])


def test_what_one_call_added_is_read_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preadv, places = os.preadv, []

    def counted(fd: int, buffers: list[memoryview], at: int) -> int:
        places.append(at // PAGE)
        return preadv(fd, buffers, at)

    with overlay(tmp_path, 40) as made:
        model = fill(made, [[{2, 3, 9}, {4, 5}], [{1, 2, 6}]])
        monkeypatch.setattr(os, "preadv", counted)
        images = np.zeros((8, PAGE), dtype=np.uint8)
        made.patch(1, images)
    assert [int(image[0]) for image in images[:6]] == [model[page] for page in range(1, 7)]
    assert places == [0, 5]


def test_an_image_that_is_not_there_any_more_is_an_error(tmp_path: Path) -> None:
    with overlay(tmp_path, 40) as made:
        fill(made, [[{2, 3}]])
        os.ftruncate(made._fd, PAGE + 100)
        with pytest.raises(OSError, match="not there"):
            made.patch(1, np.zeros((40, PAGE), dtype=np.uint8))
