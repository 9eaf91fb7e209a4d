"""What the follower of a database hands on: committed stretches of its WAL, and the database file frozen.

The follower proves, the sink keeps: neither knows how the other does it. WAL numbers (`index`) are the
follower's: it may end one and begin the next in the middle of SQLite's file, which then has a header and
checksums of its own, so that a snapshot can be taken at any commit and no reader can hold one up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlite_recovery_tui.formats.wal import Checksum

BreakKind = Literal[
    "new",  # nothing was kept of this database before
    "down",  # the WAL went on, or was restarted, while nobody followed it
    "chain",  # frames below the end that SQLite itself names do not hold (SQLite before 3.50)
    "overwritten",  # the WAL was restarted or truncated under us
    "replaced",  # the database file, its WAL or its index is another file than the one that was opened
    "page-size",  # the size of pages changed
    "index",  # WAL numbers are used up
    "lost",  # what was spooled is no longer there, or not what it was
    "asked",  # somebody asked for it
]


@dataclass(frozen=True, slots=True)
class Break:
    """Why continuity cannot be proven: a new generation begins."""

    kind: BreakKind
    detail: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction's end: the byte offset in its WAL after its last frame, the database's pages after it."""

    end: int
    pages: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Committed frames of one WAL, every checksum proven, ending at a commit.

    They are the bytes of SQLite's file, or, where this WAL began in the middle of that file, the same frames
    with salts and checksums of their own: a WAL that any SQLite reads either way. `offset` is 0 where the
    32-byte header comes first. `checksum` is the running one after the last frame. `data` is there until the
    sink returns.
    """

    index: int
    offset: int
    data: bytes | memoryview
    page_size: int
    commits: tuple[Commit, ...]
    checksum: Checksum
    seen: datetime

    @property
    def end(self) -> int:
        """The byte offset in the WAL after the last frame."""
        return self.offset + len(self.data)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database's history was kept: enough to prove, after any pause, that nothing came between.

    `index`, `offset` and `checksum` are those of what was handed on. `header` is the 32 bytes of SQLite's
    file, `frame` the 24-byte header in it of the last frame kept (either may be empty, when there was none).
    `sealed` says that this WAL ended there: the next stretch is at offset 0 of `index + 1`. `index` is -1
    before the first.
    """

    index: int
    offset: int
    header: bytes
    frame: bytes
    checksum: Checksum
    page_size: int
    sealed: bool
    skipped: int = 0
    """Bytes of frames in SQLite's file that belong to earlier indexes; keep it with the rest."""


class Frozen(Protocol):
    """The database as it stands at the beginning of a WAL, exactly; it stays so while it is held.

    It may be read from any thread.
    """

    @property
    def index(self) -> int:
        """The WAL that comes after it."""

    @property
    def size(self) -> int:
        """Bytes, a multiple of the page size."""

    @property
    def page_size(self) -> int:
        """Bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of it, fewer only at its end; raise OSError when the file cannot be read."""


class Sink(Protocol):
    """Where a follower's history goes. What a method has returned from survives kill -9 of this process.

    Each raises OSError when it cannot keep what it is given (disk full): the follower then holds the
    WAL in place and hands the same on again later. A ValueError says that it does not follow on what was
    kept: a new generation begins.
    """

    def resume(self) -> Mark | None:
        """Return how far the history was kept, None when there is none to go on with."""

    def begin(self, why: Break, frozen: Frozen, mark: Mark) -> None:
        """Begin a new generation with a snapshot of `frozen`; the old one is left as it is.

        `mark` (sealed, its index one less than that of `frozen`) is what `resume` returns until a stretch
        was appended.
        """

    def append(self, stretch: Stretch, mark: Mark) -> None:
        """Keep a stretch that follows on everything kept before, and `mark`, which lies at its end."""

    def seal(self, mark: Mark) -> None:
        """Keep that a WAL ended (`mark.sealed`), all of it on disk on return: it is overwritten next.

        Writers wait meanwhile. What is appended next is the beginning of `mark.index + 1`.
        """

    def snapshot(self, frozen: Frozen) -> None:
        """Keep a snapshot of `frozen`, at the beginning of WAL `frozen.index` of the present generation.

        The end of the WAL before was sealed. May run in a thread of its own beside `append`; then no
        checkpoint is made until it is done.
        """
