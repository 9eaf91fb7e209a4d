"""One attempt to build the database file of a plan inside a work directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.domain import Position, RestorePoint, WalSegment
from sqlite_recovery_tui.errors import DamagedError, FormatError, OutsideCoverage
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import header as database_header
from sqlite_recovery_tui.formats import lz4
from sqlite_recovery_tui.formats.header import DatabaseHeader
from sqlite_recovery_tui.formats.wal import HEADER_SIZE as WAL_HEADER_BYTES
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.chain import Batch, Chain, ChainFault, PositionBeyondEnd, SnapshotMismatch
from sqlite_recovery_tui.replica.ends import Ends, load_ends
from sqlite_recovery_tui.replica.generations import WalRoute
from sqlite_recovery_tui.restore import faults
from sqlite_recovery_tui.restore.apply import BeforeWrite, PageWriter
from sqlite_recovery_tui.restore.built import Built
from sqlite_recovery_tui.restore.detour import Detour
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.image import Checkpoint, ImageWriter, IrregularFrame
from sqlite_recovery_tui.restore.place import check_space
from sqlite_recovery_tui.restore.tear import TearWatch
from sqlite_recovery_tui.restore.whole import OTHER, compare
from sqlite_recovery_tui.restore.work import Journal, WorkDir, changes_identity

_SLACK_BYTES = 1 << 20


class SnapshotDamaged(Detour):
    """The base cannot be read; an earlier one may do."""

    def __init__(self, error: DamagedError) -> None:
        """Carry the error to raise when there is no earlier base."""
        note = f"snapshot {error.object} is damaged ({error.message}); an earlier one was used"
        super().__init__({error.object: note}, error)


@dataclass
class Build:
    """Everything one attempt needs."""

    url: str
    """Where the replica is, as the journal has it."""
    route: WalRoute
    fetcher: Fetcher
    work: WorkDir
    memory_bytes: int
    to_last_good: bool
    progress: ProgressFn
    settle: bool = True
    """Whether a doubt about the base is raised where an earlier one would settle it."""

    def run(self) -> Built:
        """Build the file; raise `DamagedError`, `SnapshotDamaged`, `TornSnapshot` and others."""
        self._check_reach()
        identity = changes_identity(self.route)
        journal = self.work.load(self.url, self.route.base, identity)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.work.database, flags, 0o600)
        try:
            journal = self._snapshot(fd, journal)
            built = self._changes(fd, journal, identity)
            self.progress(Progress("writing to disk", 0, None, "bytes"))
            os.fsync(fd)
        finally:
            os.close(fd)
        return built

    def _snapshot(self, fd: int, journal: Journal) -> Journal:
        """Write the base, or what is left of it, to `fd`."""
        if journal.complete and journal.applying:
            return journal
        base = self.route.base

        def on_bytes(read: int, written: int) -> None:
            done = (journal.checkpoint.packed if journal.checkpoint else 0) + read
            self.progress(Progress("fetching snapshot", done, base.size, "bytes", f"{written} written"))

        def on_checkpoint(checkpoint: Checkpoint) -> None:
            self.work.save(Journal(journal.base, checkpoint))

        writer = ImageWriter(fd, self.fetcher.cancel, on_bytes, self._check_head, on_checkpoint)
        if journal.complete and journal.checkpoint is not None:
            if writer.holds(journal.checkpoint):
                return journal
            journal = Journal(journal.base)
        try:
            checkpoint = self._write_snapshot(writer, journal)
        except FormatError as error:
            if error.object:
                raise
            raise SnapshotDamaged(faults.snapshot_fault(self.route, error)) from None
        os.ftruncate(fd, checkpoint.plain)
        done = Journal(journal.base, checkpoint, complete=True)
        self.work.save(done)
        return done

    def _write_snapshot(self, writer: ImageWriter, journal: Journal) -> Checkpoint:
        resume = journal.checkpoint
        if resume is None or self.fetcher.identities or not writer.holds(resume):
            resume = None
        try:
            source = self.fetcher.snapshot(self.route.base, start=resume.packed if resume else 0)
            return writer.write(source, resume)
        except IrregularFrame:
            return writer.write_in_sequence(self.fetcher.snapshot(self.route.base))

    def _check_head(self, head: bytes) -> None:
        """Check the first page and that there is room for what it announces."""
        parsed = database_header.parse(head)
        trusted = parsed.change_counter == parsed.version_valid_for
        # Nothing vouches for these bytes yet; a frame of this size cannot decode to more than this.
        most = self.route.base.size * lz4.MAX_RATIO
        size = min(parsed.page_count * parsed.page_size, most) if trusted else 0
        waiting = sum(change.size for change in self.route.changes) if self.fetcher.pack else 0
        check_space(self.work.path, max(size, self.route.base.size) + waiting + _SLACK_BYTES)

    def _changes(self, fd: int, journal: Journal, identity: str) -> Built:
        """Lay the plan's changes over the base."""
        size = os.fstat(fd).st_size
        base = self._base_header(fd, size)
        page_size = base.page_size
        tear = TearWatch.of(
            self.route, self.fetcher, fd, page_size, settle=self.settle, to_last_good=self.to_last_good
        )
        # Pages that an interrupted attempt laid over the base may already be newer than its counter.
        counter = journal.counter if journal.applying else base.change_counter
        applying = self.work.applying(journal, identity, counter)

        def before_write(pages: npt.NDArray[np.uint32]) -> None:
            if tear is not None:
                tear.mark.look(pages)
                tear.mark.save(self.work.marks)
            self.work.save(applying)

        if tear is not None and journal.applying and self.work.marks.exists():
            tear.mark.load(self.work.marks)
        # Not the file's own size: changes of an attempt before this one may already be in it.
        pages = journal.checkpoint.plain // page_size if journal.checkpoint else None
        ends = self._ends()
        chain = Chain(page_size, until=self.route.until, counter=counter, pages=pages, ends=ends)
        state = _Applied(self.route)
        fault, doubts = self._lay(fd, chain, state, tear, before_write)
        page_size = chain.page_size or 0
        size = os.fstat(fd).st_size
        self._check_whole(size, page_size)
        if fault is None and compare(fd, state.position, chain, ends, self.fetcher.cancel.check) == "other":
            raise SnapshotDamaged(faults.mismatch(self.route, OTHER))
        lost = faults.lost(self.route, fault, state.position) if fault is not None else ()
        unproven = (*state.unproven(chain), *doubts, *_misfit(self.route, state.position, fault))
        return Built(
            position=state.position,
            # An earlier base may need segments that were stored after the point itself.
            time=min(state.time, self.route.point.time),
            pages=size // page_size if page_size else 0,
            page_size=page_size,
            continuity="consistent" if unproven or lost else "proven",
            unproven=unproven,
            lost=lost,
        )

    def _ends(self) -> Ends:
        """Ask how the WALs ended; nothing is asked where none follows on another and nothing was noted."""
        indexes = {change.index for change in self.route.changes}
        is_asked = len(indexes) > 1 or self.route.is_noted
        return load_ends(self.fetcher.store, self.route.base.generation, indexes if is_asked else ())

    def _lay(
        self, fd: int, chain: Chain, state: _Applied, tear: TearWatch | None, before_write: BeforeWrite
    ) -> tuple[ChainFault | None, tuple[str, ...]]:
        """Apply the chain; return the fault it ended in front of where that is allowed, and doubts."""
        writer: PageWriter | None = None
        fault: ChainFault | None = None
        try:
            for batch in chain.read(self._decoded()):
                writer = writer or self._writer(fd, batch.header.page_size, before_write)
                if tear is not None:
                    tear.mark.see(batch)
                state.see(batch)
                writer.add(batch)
        except SnapshotMismatch as mismatch:
            raise SnapshotDamaged(faults.mismatch(self.route, mismatch.message)) from None
        except ChainFault as error:
            fault = error
        except PositionBeyondEnd as beyond:
            if not self.route.point.is_commit:
                raise self._beyond(beyond) from None
            fault = self._cut_off(beyond)
        if fault is not None and not self.to_last_good:
            raise faults.chain_fault(self.route, fault, state.position)
        if writer is not None:
            writer.preview(before_write)
        doubts: tuple[str, ...] = ()
        if tear is not None and tear.is_possible(fault):
            doubts = tear.judge(chain, fault)
        elif chain.snapshot_is_ahead:
            message = "it and the WAL behind it are not of one history: its page 1 is of a later commit"
            raise SnapshotDamaged(faults.mismatch(self.route, message))
        if writer is not None:
            writer.finish()
        return fault, doubts

    def _writer(self, fd: int, page_size: int, before_write: BeforeWrite) -> PageWriter:
        share = self.memory_bytes // 3
        return PageWriter(fd, page_size, memory_bytes=share, spool=self.work.spool, before_write=before_write)

    def _base_header(self, fd: int, size: int) -> DatabaseHeader:
        """Return the base's header; raise `SnapshotDamaged` for a file that is no database."""
        try:
            parsed = database_header.parse(os.pread(fd, database_header.SIZE, 0))
        except FormatError as error:
            raise SnapshotDamaged(faults.snapshot_fault(self.route, error)) from None
        if size % parsed.page_size:
            wrong = FormatError(f"it is {size} bytes, not a whole number of {parsed.page_size}-byte pages")
            raise SnapshotDamaged(faults.snapshot_fault(self.route, wrong))
        return parsed

    def _check_whole(self, size: int, page_size: int) -> None:
        if page_size and size % page_size:
            raise AssertionError(f"{size} bytes are not a whole number of pages")

    def _decoded(self) -> Iterator[tuple[WalSegment, bytes]]:
        total = sum(change.size for change in self.route.changes)
        done = 0
        count = len(self.route.changes)
        for number, (segment, data) in enumerate(self.fetcher.segments(self.route.changes), start=1):
            yield segment, data
            done += segment.size
            self.progress(Progress("applying WAL", done, total, "bytes", f"segment {number} of {count}"))

    def _check_reach(self) -> None:
        """Refuse a position in a WAL of which nothing is stored; how far others reach is seen later."""
        until = self.route.until
        if until is None or until.offset <= WAL_HEADER_BYTES:
            return
        if not self.route.changes or self.route.last_index < until.index:
            raise self._beyond(PositionBeyondEnd(_end(self.route)))

    def _cut_off(self, beyond: PositionBeyondEnd) -> ChainFault:
        """Return the fault of a WAL that ends in front of a commit that was noted of it."""
        until, end = self.route.until, beyond.end
        assert until is not None
        missing = names.segment_key(end.generation, end.index, end.offset)
        message = f"a commit was noted that ends at {until.label}, and what is stored ends at {end.label}"
        return ChainFault(self.route.changes[-1], message, missing=missing)

    def _beyond(self, beyond: PositionBeyondEnd) -> OutsideCoverage:
        until = self.route.until
        assert until is not None
        point = RestorePoint(beyond.end, self.route.point.time, self.route.point.key, beyond.end)
        return OutsideCoverage(
            f"position {until.label} is beyond the end of what is stored, {beyond.end.label}",
            before=point,
            hint=f"ask for -index {beyond.end.index:08x} without -offset",
        )


def _misfit(route: WalRoute, reached: Position, fault: ChainFault | None) -> tuple[str, ...]:
    """Return the doubt about a commit's time where no commit ends where it was noted."""
    if fault is not None or not route.point.is_commit or reached == route.until:
        return ()
    assert route.until is not None
    return (f"a commit was noted that ends at {route.until.label}, where none does: its time is in doubt",)


def _end(route: WalRoute) -> Position:
    end = route.point.reached
    assert isinstance(end, Position)
    return end


class _Applied:
    """What has been laid over the base so far."""

    def __init__(self, route: WalRoute) -> None:
        self._route = route
        self.position = Position(route.base.generation, route.base.index, 0)
        self.time = route.base.time

    def see(self, batch: Batch) -> None:
        """Move on to the batch's last commit."""
        count = batch.frames.last_commit
        if not count:
            return
        end = batch.end_of(count - 1)
        self.position = Position(self._route.base.generation, batch.index, end)
        self.time = max(self.time, batch.segment_at(end - 1).time)

    def unproven(self, chain: Chain) -> tuple[str, ...]:
        """List the ends of WALs that rest on the writer's word, with the evidence there is."""
        told = []
        for index in sorted(chain.headers):
            following = chain.headers.get(index + 1)
            if following is None or index in chain.proven_ends:
                continue
            header = chain.headers[index]
            in_step = (
                following.sequence == (header.sequence + 1) & 0xFFFFFFFF
                and following.salt1 == (header.salt1 + 1) & 0xFFFFFFFF
            )
            evidence = "sequence and salt go on by one" if in_step else "sequence or salt do not go on by one"
            told.append(f"the end of WAL {index:08x} is the writer's word ({evidence})")
        return tuple(told)
