"""A sink that keeps the history of a database in memory, refuses what does not follow, and rebuilds it."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.replicate.stretch import Break, Frozen, Mark, Stretch


@dataclass
class Generation:
    """A snapshot, and all that was appended since."""

    why: Break
    index: int
    page_size: int
    image: bytearray
    snapshots: dict[int, bytes] = field(default_factory=dict)
    commits: list[tuple[int, int]] = field(default_factory=list)
    """Index and end of each commit."""
    header: wal.WalHeader | None = None
    at: tuple[int, int] = (0, 0)
    """Index and offset that the next stretch must have."""
    checksum: wal.Checksum = (0, 0)

    def append(self, stretch: Stretch) -> None:
        assert (stretch.index, stretch.offset) == self.at, (stretch.index, stretch.offset, self.at)
        data = stretch.data
        if not stretch.offset:
            self.header = wal.parse_header(data)
            self.checksum = self.header.checksum
            data = data[wal.HEADER_SIZE :]
        assert self.header is not None
        frames = wal.split_frames(data, stretch.page_size)
        verified = wal.verify_frames(self.header, frames, self.checksum)
        assert verified.count == len(frames) > 0, verified
        assert frames.last_commit == len(frames)
        assert verified.checksum == stretch.checksum
        self.checksum = stretch.checksum
        self._apply(stretch, frames)
        self.at = (stretch.index, stretch.end)

    def _apply(self, stretch: Stretch, frames: wal.Frames) -> None:
        size = stretch.page_size
        listed = iter(stretch.commits)
        start = stretch.end - len(frames) * (24 + size)
        for number, (page, pages) in enumerate(
            zip(frames.pgno.tolist(), frames.commit.tolist(), strict=True), start=1
        ):
            if len(self.image) < page * size:
                self.image.extend(bytes(page * size - len(self.image)))
            self.image[(page - 1) * size : page * size] = frames.data[number - 1, 24:].tobytes()
            if pages:
                commit = next(listed)
                assert (commit.end, commit.pages) == (start + number * (24 + size), pages)
                self.commits.append((stretch.index, commit.end))
                self._resize(pages * size)
        assert next(listed, None) is None

    def _resize(self, length: int) -> None:
        del self.image[length:]
        self.image.extend(bytes(length - len(self.image)))


@dataclass
class MemorySink:
    """Generations in the order in which they began; `full` makes every call fail as a full disk does."""

    generations: list[Generation] = field(default_factory=list)
    mark: Mark | None = None
    full: bool = False
    sealed: list[Mark] = field(default_factory=list)
    step: int = 1 << 20

    @property
    def last(self) -> Generation:
        return self.generations[-1]

    @property
    def image(self) -> bytes:
        return bytes(self.last.image)

    @property
    def reasons(self) -> list[str]:
        return [generation.why.kind for generation in self.generations]

    def resume(self) -> Mark | None:
        self._fail_when_full()
        return self.mark

    def begin(self, why: Break, frozen: Frozen, mark: Mark) -> None:
        self._fail_when_full()
        assert mark.sealed
        assert mark.index == frozen.index - 1
        image = self._read(frozen)
        self.generations.append(
            Generation(why, frozen.index, frozen.page_size, bytearray(image), at=(frozen.index, 0))
        )
        self.last.snapshots[frozen.index] = image
        self.mark = mark

    def append(self, stretch: Stretch, mark: Mark) -> None:
        self._fail_when_full()
        assert (mark.index, mark.offset, mark.sealed) == (stretch.index, stretch.end, False)
        assert mark.checksum == stretch.checksum
        self.last.append(stretch)
        self.mark = mark

    def seal(self, mark: Mark) -> None:
        self._fail_when_full()
        assert mark.sealed
        assert self.last.at == (mark.index, mark.offset)
        self.last.at = (mark.index + 1, 0)
        self.mark = mark
        self.sealed.append(mark)

    def snapshot(self, frozen: Frozen) -> None:
        self._fail_when_full()
        assert (frozen.index, 0) == self.last.at
        image = self._read(frozen)
        assert image == self.image
        self.last.snapshots[frozen.index] = image

    def _read(self, frozen: Frozen) -> bytes:
        parts = []
        for offset in range(0, frozen.size, self.step):
            part = frozen.read(offset, self.step)
            assert len(part) == min(self.step, frozen.size - offset)
            parts.append(part)
        assert frozen.read(frozen.size, 10) == b""
        return b"".join(parts)

    def _fail_when_full(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
