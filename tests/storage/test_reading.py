"""Bodies that end without an error although bytes are missing: never taken for the whole object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.errors import ShortBody, StorageError
from sqlite_recovery_tui.storage.raw import Body, TooShort, WholeAnswer
from sqlite_recovery_tui.storage.raw_obstore import ObstoreRaw
from sqlite_recovery_tui.storage.reading import Reading
from sqlite_recovery_tui.storage.retry import Attempts, Failure, Operation, Retry

DATA = bytes(range(200))


class Lossy:
    """Serves `DATA`, each answer ending silently after as many bytes as told, the rest whole."""

    failures = (TooShort,)

    def __init__(self, lengths: list[int], *, ranges: bool = True, chunk: int = 7) -> None:
        self.lengths = lengths
        self.ranges = ranges
        self.chunk = chunk
        self.starts: list[int] = []

    def body(self, key: str, start: int, chunk_bytes: int) -> Body:
        self.starts.append(start)
        if start and not self.ranges:
            raise WholeAnswer
        end = start + self.lengths.pop(0) if self.lengths else len(DATA)
        return Body(len(DATA), "etag", self._pieces(DATA[start:end]))

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        yield from (data[at : at + self.chunk] for at in range(0, len(data), self.chunk))


def read(raw: Lossy, start: int = 0) -> bytes:
    attempts = Attempts(Retry(FixedClock(datetime(2026, 3, 26, tzinfo=UTC))), Operation("get", "k", "s3://b"))
    failure = Failure(ShortBody, "it is short", again="soon")
    whole: list[object] = []
    reading = Reading(
        raw,  # type: ignore[arg-type]
        "k",
        start,
        50,
        range_way=lambda: None if whole else raw,  # type: ignore[arg-type, return-value]
        whole=whole.append,
        explain=lambda _: failure,
        attempts=attempts,
    )
    return b"".join(reading.pieces())


@given(st.lists(st.integers(0, 200), max_size=5), st.integers(0, 200), st.booleans(), st.integers(1, 60))
def test_whatever_is_lost_the_bytes_are_the_objects(
    lengths: list[int], start: int, ranges: bool, chunk: int
) -> None:
    assert read(Lossy(lengths, ranges=ranges, chunk=chunk), start) == DATA[start:]


def test_it_goes_on_where_the_answer_ended() -> None:
    raw = Lossy([30, 50])
    assert read(raw) == DATA
    assert raw.starts == [0, 30, 80]


def test_an_object_that_always_ends_early_is_short() -> None:
    with pytest.raises(StorageError, match="short"):
        read(Lossy([50] + [0] * 50))


def test_obstore_is_not_believed_when_the_lengths_differ() -> None:
    raw = ObstoreRaw(lambda: None)  # type: ignore[arg-type, return-value]
    answer = SimpleNamespace(bytes=lambda: SimpleNamespace(to_bytes=lambda: b"12"), meta={"size": 3})
    raw._obstore = SimpleNamespace(get=lambda *_: answer)
    with pytest.raises(TooShort):
        raw.get("k")
