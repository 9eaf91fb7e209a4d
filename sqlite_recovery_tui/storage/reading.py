"""One object as a stream that is taken up again where the connection broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlite_recovery_tui.storage.raw import Body, Raw, TooShort, WholeAnswer
from sqlite_recovery_tui.storage.retry import Attempts, Failure


@dataclass(slots=True)
class Reading:
    """Where a stream stands."""

    raw: Raw
    key: str
    position: int
    chunk_bytes: int
    range_way: Callable[[], Raw | None]
    """The way to begin anywhere else than at the beginning, None when there is none."""
    whole: Callable[[Raw], None]
    """Told of a way that sent the whole object instead."""
    explain: Callable[[Exception], Failure]
    attempts: Attempts
    size: int = -1
    etag: str | None = None
    _failures: tuple[type[Exception], ...] = ()

    def pieces(self) -> Iterator[bytes]:
        """Yield the object from `position` to its end; raise StorageError when tries run out."""
        while True:
            try:
                yield from self._pieces_of_one_answer()
                return
            except self._failures as error:
                self.attempts.failed(self.explain(error), error)

    def _pieces_of_one_answer(self) -> Iterator[bytes]:
        body, at = self._begin()
        self._compare(body)
        if self.position >= body.size:
            return
        for piece in body.pieces:
            wanted = piece[self.position - at :] if at < self.position else piece
            at += len(piece)
            if wanted:
                self.position = at
                self.attempts.progressed()
                yield wanted
        if at != body.size:
            raise TooShort(body.size, at)

    def _begin(self) -> tuple[Body, int]:
        """Return an answer and the position it starts at: here, or the beginning."""
        while self.position and (raw := self.range_way()) is not None:
            self._failures = raw.failures
            try:
                return raw.body(self.key, self.position, self.chunk_bytes), self.position
            except WholeAnswer:
                self.whole(raw)
        self._failures = self.raw.failures
        return self.raw.body(self.key, 0, self.chunk_bytes), 0

    def _compare(self, body: Body) -> None:
        """Raise when this is not the object that the stream began with."""
        if self.size < 0:
            self.size, self.etag = body.size, body.etag
        elif (self.size, self.etag) != (body.size, body.etag):
            raise Changed


class Changed(Exception):
    """The object is another one than when reading it began."""
