"""A database file that is brought up to date in place, atomically, while others read it with SQLite.

An update is what SQLite's own writer would do: a complete rollback journal, durable before the first page
is written, all under SQLite's locks; taking the journal away is the commit. A process that is killed on
the way leaves a journal that SQLite rolls back before anybody reads (a reader that may not write gets
SQLITE_READONLY_ROLLBACK until then, never half an update).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.formats import journal
from sqlite_recovery_tui.restore import place
from sqlite_recovery_tui.restore.live import faults, first_page, update
from sqlite_recovery_tui.restore.live.gate import PATIENCE, Gate, Patience
from sqlite_recovery_tui.restore.live.mark import Held, Mark, digest
from sqlite_recovery_tui.restore.live.open_file import Content, OpenFile
from sqlite_recovery_tui.restore.live.state import Beside, CopyLock, State, recognise, recognise_ours
from sqlite_recovery_tui.restore.live.update import Change, FileImages, Images, Layout, Pages
from sqlite_recovery_tui.sqlite import hot_journal

_SLACK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the copy stands, and what its file looks like there."""

    held: Held
    content: Content


class LiveCopy:
    """The copy at one path, for its one follower; not for several threads at once."""

    def __init__(self, lock: CopyLock, url: str, patience: Patience, clock: Clock) -> None:
        """Take over `lock`; `open` is the way to do it."""
        self._lock: CopyLock | None = lock
        self._beside = lock.beside
        self._url = url
        self._patience = patience
        self.path = lock.beside.copy
        self.undo: Path | None = None
        """Where is kept what the copy took the place of when it was made."""
        try:
            with translated(self.path):
                self._beside.drop_second_name()
            self._file = OpenFile(self.path)
        except BaseException:
            lock.release()
            raise
        self._gate = Gate(self._file.fd, self.path, patience, clock)
        try:
            with translated(self.path):
                self._known = self._look(recognise)
                self._sure = True
                """False once an update did not end as it should: then the file is looked at anew."""
                self._leave_wal_mode()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        url: str,
        lock: CopyLock | None = None,
        patience: Patience = PATIENCE,
        clock: Clock = SYSTEM,
    ) -> LiveCopy:
        """Go on from the copy at `path` of the replica `url`, whoever left it in whatever moment.

        Takes over `lock`. Raises `CopyChanged` when somebody else wrote to it, `CopyBusy`, `RefusedError`
        for what is no copy of this replica, `NotFoundError` when nothing is there.
        """
        return cls(lock or CopyLock(path), url, patience, clock)

    @property
    def mark(self) -> Mark:
        """Where the copy stands."""
        return self._known.held.mark

    @property
    def page_size(self) -> int:
        """Bytes per page."""
        return self._known.content.layout.page_size

    @property
    def pages(self) -> int:
        """The size in pages."""
        return self._known.content.layout.pages

    def apply(self, pages: Pages, images: Images, size_pages: int, mark: Mark) -> None:
        """Write the images of `pages` (strictly rising) and give the database its new size: all or nothing.

        Raises `CopyBusy` when readers do not let it (nothing is changed then), `CopyChanged`,
        `NoSpaceError`, `RecoverError`; after any of them the copy holds its last state.
        """
        change = update.change_of(pages, images, size_pages)
        with translated(self.path):
            now = self._now()
            layout = now.content.layout
            if change.layout.page_size != layout.page_size:
                raise ValueError(f"{change.layout.page_size}-byte pages for {layout.page_size}-byte ones")
            if len(change.pages) or change.layout != layout:
                self._update(now, change, mark)
            else:
                self._known = replace(now, held=replace(now.held, mark=mark))
                self._remember(self._known.held)

    def replace(self, staged: Path, mark: Mark) -> None:
        """Take over the content of the finished restore `staged`, and remove that; raises as `apply`.

        The file stays the same one, so that open readers see the new content: only what differs is
        written, in one update. The page size may differ.
        """
        with translated(self.path):
            now = self._now()
            fd = os.open(staged, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                old, new = now.content.layout, Content.read(fd, staged).layout
                pages = update.differences(self._file.fd, old, fd, new)
                self._update(now, Change(new, pages, FileImages(fd, pages, new.page_size)), mark)
            finally:
                os.close(fd)
            staged.unlink()

    def verify(self) -> None:
        """Raise `CopyChanged` when the copy is not what the last update left."""
        with translated(self.path):
            now = self._now()
            self._gate.share()
            try:
                self._check_untouched(now)
            finally:
                self._gate.release()

    def close(self) -> None:
        """Let go of the copy; it can be gone on from."""
        if self._lock is not None:
            self._file.close()
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _leave_wal_mode(self) -> None:
        """See to it that readers find the copy in rollback mode, which Litestream's is not from the start."""
        now = self._known
        if not now.content.is_in_rollback_mode:
            self._update(now, update.nothing(now.content.layout), now.held.mark)

    def _now(self) -> _Standing:
        if not self._sure or hot_journal.is_left(self.path):
            self._known = self._look(recognise_ours)
            self._sure = True
        return self._known

    def _look(self, recognised: Callable[[Beside, str, bytes, int], Held]) -> _Standing:
        """Finish what was broken off, and find out where the copy stands."""
        self._file.check_name()
        if hot_journal.is_left(self.path):
            self._roll_back()
        self._beside.draft.unlink(missing_ok=True)
        self._gate.share()
        try:
            content = Content.read(self._file.fd, self.path)
        finally:
            self._gate.release()
        held = recognised(self._beside, self._url, content.first, content.layout.pages)
        self._remember(held)
        return _Standing(held, content)

    def _roll_back(self) -> None:
        """Undo what was broken off, an update of ours or a transaction of somebody else."""
        seconds = self._patience.firm
        if not hot_journal.roll_back(self.path, wait_seconds=seconds):
            raise faults.busy(self.path, "is written to by somebody else", seconds)

    def _remember(self, held: Held) -> None:
        """Write down where the copy stands, for us and for Litestream."""
        state = State(self._url, held)
        if self._beside.read_state() != state:
            self._beside.write_state(state)
        self._beside.write_txid(held.mark.place, self._file.mode)
        self._beside.sync()

    def _update(self, now: _Standing, change: Change, mark: Mark) -> None:
        """Carry `change` out; the copy stands at `mark` then."""
        image, shift = change.first_page(), now.held.schema_shift
        if image is None:
            first = first_page.touched(now.content.first)
        else:
            first, shift = first_page.of_copy(image, now.content.first, shift)
        held = Held(mark, digest(first), change.layout.pages, shift)
        numbers = update.overwritten(now.content.layout, change)
        self._check_space(now.content.layout, change.layout, len(numbers))
        self._gate.enter()
        try:
            self._check_untouched(now)
            self._beside.write_state(State(self._url, now.held, held))
            update.write_journal(self._beside.draft, self._file.fd, now.content.layout, numbers)
            self._gate.exclude()
            self._sure = False
            self._commit(change, first)
            self._known, self._sure = _Standing(held, Content(first, change.layout)), True
        finally:
            self._gate.release()
            # Readers should not have to roll back. Where this fails they can, and so does the next look.
            with suppress(Exception):
                self._now()
        self._beside.write_txid(mark.place, self._file.mode)

    def _commit(self, change: Change, first: bytes) -> None:
        """Do it, alone with the file and with a complete journal."""
        self._file.drop_empty_wal()
        self._beside.draft.replace(self._beside.journal)
        # Litestream's follower, unlike us, cannot tell from the file whether the update happened.
        self._beside.drop_txid()
        # No page may reach the disk before the journal has its name there, ...
        self._beside.sync()
        update.write_change(self._file.fd, change, first)
        # ... and the journal may not go before every page did.
        os.fsync(self._file.fd)
        self._beside.journal.unlink()
        # The mark that follows must not outlast a power cut that brings the journal back.
        self._beside.sync()

    def _check_untouched(self, now: _Standing) -> None:
        """Raise `CopyChanged` unless the file is as the last update left it; a lock is held."""
        self._sure = False
        self._file.check_name()
        self._file.check_wal()
        if hot_journal.is_left(self.path):
            raise faults.changed(self.path, "has a transaction of somebody else in it that is not finished")
        left = self._beside.read_txid()
        if not self._file.is_still(now.content) or (left is not None and left[0] != now.held.mark.place):
            raise faults.changed(self.path, "was written to by somebody else")
        self._sure = True

    def _check_space(self, old: Layout, new: Layout, kept: int) -> None:
        journaled = journal.HEADER_SIZE + kept * (old.page_size + journal.OVERHEAD)
        growth = max(0, new.size - old.size)
        place.check_space(self._beside.folder, journaled + growth + _SLACK_BYTES)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error for the operator."""
    try:
        yield
    except OSError as error:
        raise faults.local_failure(error, path) from None
