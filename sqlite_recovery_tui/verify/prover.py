"""Proof of one generation: its chains replayed from each snapshot to the next, faults collected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlite_recovery_tui.domain import Position, RestorePoint, Snapshot, WalSegment
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replica.chain import Chain, ChainFault
from sqlite_recovery_tui.replica.ends import Ends, load_ends
from sqlite_recovery_tui.replica.generations import Generation, Run, snapshot_point
from sqlite_recovery_tui.replica.segments import Segments
from sqlite_recovery_tui.restore.apply import PageWriter
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.tear import SHIPPED_AFTER
from sqlite_recovery_tui.restore.whole import OTHER, compare
from sqlite_recovery_tui.verify.images import Image, Mark, differing, load
from sqlite_recovery_tui.verify.proof import Fault, LineageProof

MEMORY_BYTES = 48 << 20

_Outcome = Literal["equal", "open", "unequal", "broken"]
"""What a replay to the next snapshot shows; open: the snapshot is ahead of what was shipped, perhaps."""


@dataclass(frozen=True)
class _Finding:
    """A fault before it is known which snapshots are good."""

    object: str
    message: str
    reached: Position | None
    """The last commit in front of it that can be restored; None: nothing in this run."""
    index: int
    """The last WAL that it touches."""


@dataclass
class Prover:
    """Prove one generation, run by run; `count` hears of every object that was read."""

    fetcher: Fetcher
    generation: Generation
    folder: Path
    count: Callable[[str], None]
    following: RestorePoint | None = None
    """Where history goes on behind this generation."""
    _findings: list[_Finding] = field(default_factory=list)
    _unreadable: set[str] = field(default_factory=set)
    _unproven: list[str] = field(default_factory=list)
    _attested: list[int] = field(default_factory=list)
    _end: Position | None = None
    _summed: Position | None = None
    _images: int = 0

    def prove(self) -> LineageProof:
        """Prove every run and report the holes between them."""
        faults = []
        for gap in self.generation.gaps:
            if gap.is_damage:
                faults.append(Fault(gap.object, gap.message, gap.generation, gap.before, gap.after))
            elif gap.kind != "expired":
                self._unproven.append(gap.message)
        for run in self.generation.runs:
            self._findings = []
            self._run(run)
            faults += [self._fault(run, finding) for finding in self._findings]
        return LineageProof(
            self.generation.title,
            self.generation.id,
            tuple(faults),
            tuple(self._unproven),
            tuple(self._attested),
            self._end,
            self._summed,
        )

    def _run(self, run: Run) -> None:
        """Replay from each snapshot that can be read to the next, then to the end."""
        image: Image | None = None
        odd: tuple[Snapshot, int] | None = None
        for snapshot in run.snapshots:
            found = self._load(run, snapshot)
            if found is None:
                continue  # the replay passes it by
            if image is None:
                self._skim(run, run.snapshots[0].index, snapshot.index)
            else:
                odd = self._join(run, image, found, odd)
            image = found
        if image is None:
            self._skim(run, run.snapshots[0].index, None)
        else:
            self._finish(run, image)

    def _join(
        self, run: Run, image: Image, found: Image, odd: tuple[Snapshot, int] | None
    ) -> tuple[Snapshot, int] | None:
        """Prove the stretch from one snapshot to the next; return what may be the latter's own fault.

        A snapshot that fits neither the one before it nor the one behind it, while these two fit one
        another, is the one that is wrong.
        """
        known = len(self._findings)
        outcome = self._stretch(run, image, found)
        image.remove()
        if outcome == "equal":
            return None
        if odd is not None and self._passes(run, odd[0], found):
            del self._findings[odd[1] :]
            message = "it is not what the WALs in front of it give; the snapshot behind it is"
            self._find_snapshot(run, image.snapshot, message)
            return None
        return (image.snapshot, known) if outcome == "unequal" else None

    def _stretch(self, run: Run, image: Image, found: Image) -> _Outcome:
        """Replay from `image` to the snapshot `found` and compare."""
        target = found.snapshot
        chain = Chain(image.page_size, counter=image.counter, pages=image.pages)
        if not self._replay(_between(run, image.snapshot.index, target.index), chain, image):
            return "broken"
        if self._equal(run, image, found):
            self._attested += sorted(chain.headers)
            return "equal"
        between = f"snapshot {image.snapshot.index:08x} and snapshot {target.index:08x}"
        if not _was_shipped_behind(run, target):
            self._unproven.append(
                f"{between} do not join: not all between them was shipped yet, or commits are missing"
            )
            return "open"
        tail = chain.end or image.snapshot.position
        self._findings.append(
            _Finding(
                names.segment_key(run.generation, tail.index, tail.offset),
                f"{between} do not join: commits are missing or altered between them",
                image.snapshot.position,
                image.snapshot.index,
            )
        )
        return "unequal"

    def _passes(self, run: Run, base: Snapshot, found: Image) -> bool:
        """Tell whether the replay from an earlier snapshot gives `found`, whatever lies between them."""
        image = load(self.fetcher, base, self._new_path())
        chain = Chain(image.page_size, counter=image.counter, pages=image.pages)
        try:
            self._lay(chain, self.fetcher.segments(_between(run, base.index, found.snapshot.index)), image)
            equal = self._equal(run, image, found)
        except ChainFault:
            return False
        finally:
            image.remove()
        if equal:
            self._attested += sorted(chain.headers)
        return equal

    def _finish(self, run: Run, image: Image) -> None:
        """Read on from the last snapshot to the end of the run."""
        indexes = {segment.index for segment in _between(run, image.snapshot.index, None)}
        ends = load_ends(self.fetcher.store, run.generation, indexes if len(indexes) > 1 else ())
        chain = Chain(image.page_size, counter=image.counter, pages=image.pages, ends=ends)
        noted = max((index for index, end in ends.items() if end.database is not None), default=None)
        start, whole = image.snapshot.index, True
        if noted is not None:
            whole = self._replay(_between(run, start, noted + 1), chain, image)
            if whole:
                self._sum_up(run, image, chain, ends)
            start = noted + 1
        whole = whole and self._replay(_between(run, start, None), chain, image)
        if whole and chain.snapshot_is_ahead and _was_shipped_behind(run, image.snapshot):
            message = "it and the WAL behind it are not of one history: its page 1 is of a later commit"
            self._find_snapshot(run, image.snapshot, message)
        self._unproven += [
            f"the end of WAL {index:08x} is the writer's word: no later snapshot attests it"
            for index in sorted(chain.headers)[:-1]
            if index not in chain.proven_ends
        ]
        self._attested += sorted(chain.proven_ends)
        image.remove()

    def _sum_up(self, run: Run, image: Image, chain: Chain, ends: Ends) -> None:
        """Compare the database at the end of a WAL with what was noted of all its pages."""
        assert self._end is not None
        fd = os.open(image.path, os.O_RDONLY)
        try:
            outcome = compare(fd, self._end, chain, ends, self.fetcher.cancel.check)
        finally:
            os.close(fd)
        if outcome == "equal":
            self._summed = self._end
        elif outcome == "other":
            self._find_snapshot(run, image.snapshot, OTHER)

    def _skim(self, run: Run, start: int, end: int | None) -> None:
        """Check a chain that has no readable snapshot in front of it, by itself."""
        self._replay(_between(run, start, end), Chain(None), None)

    def _replay(self, segments: Sequence[WalSegment], chain: Chain, image: Image | None) -> bool:
        """Verify `segments` and lay them over `image`; return False when the chain breaks."""
        reached = image.snapshot.position if image else None
        try:
            for position in self._lay_by_batch(chain, self._counted(segments), image):
                if image is not None:
                    self._end = reached = position
        except ChainFault as fault:
            self._findings.append(_Finding(fault.object, fault.message, reached, fault.index))
            return False
        return True

    def _lay(self, chain: Chain, decoded: Iterator[tuple[WalSegment, bytes]], image: Image) -> None:
        for _ in self._lay_by_batch(chain, decoded, image):
            pass

    def _lay_by_batch(
        self, chain: Chain, decoded: Iterator[tuple[WalSegment, bytes]], image: Image | None
    ) -> Iterator[Position]:
        """Lay verified frames over `image`; yield the position of each batch's last commit."""
        spool = self.folder / "spool"
        spool.unlink(missing_ok=True)
        fd = os.open(image.path, os.O_RDWR) if image else -1
        writer: PageWriter | None = None
        try:
            for batch in chain.read(decoded):
                if image is not None:
                    page_size = batch.header.page_size
                    writer = writer or PageWriter(fd, page_size, memory_bytes=MEMORY_BYTES, spool=spool)
                    writer.add(batch)
                if count := batch.frames.last_commit:
                    yield Position(self.generation.id, batch.index, batch.end_of(count - 1))
            if writer is not None:
                writer.finish()
        finally:
            if fd >= 0:
                os.close(fd)

    def _equal(self, run: Run, image: Image, found: Image) -> bool:
        """Compare two images; pages that the target's own WAL wrote up to a commit are allowed for."""
        wrong = differing(image, found)
        if not wrong:
            return True
        own = run.segments.of_wal(found.snapshot.index)
        mark = Mark(found, wrong)
        try:
            batches = Chain(found.page_size).read(self.fetcher.segments(own))
            return any(mark.reached_by(batch) for batch in batches)
        except ChainFault:
            return False  # reported when that WAL itself is proven
        finally:
            mark.close()

    def _load(self, run: Run, snapshot: Snapshot) -> Image | None:
        """Decode a snapshot into a file of its own; a damaged one is a fault."""
        try:
            return load(self.fetcher, snapshot, self._new_path())
        except FormatError as error:
            self._find_snapshot(run, snapshot, error.message)
            return None
        finally:
            self.count(snapshot.key)

    def _new_path(self) -> Path:
        self._images += 1
        return self.folder / f"{self.generation.id}-{self._images}"

    def _counted(self, segments: Sequence[WalSegment]) -> Iterator[tuple[WalSegment, bytes]]:
        for segment, data in self.fetcher.segments(segments):
            yield segment, data
            self.count(segment.key)

    def _find_snapshot(self, run: Run, snapshot: Snapshot, message: str) -> None:
        """Report a snapshot; what lies in front of it can be restored from an earlier one."""
        self._unreadable.add(snapshot.key)
        good = [base for base in run.snapshots if base.index < snapshot.index]
        reached = snapshot.position if any(base.key not in self._unreadable for base in good) else None
        self._findings.append(_Finding(snapshot.key, message, reached, snapshot.index))

    def _fault(self, run: Run, finding: _Finding) -> Fault:
        """Add the good points around a finding, now that it is known which snapshots are good."""
        bases = [item for item in self.generation.snapshots if item.key not in self._unreadable]
        later = [snapshot_point(item) for item in bases if item.index > finding.index]
        next_good = later[0] if later else self.following
        last_good = None
        if finding.reached is not None:
            last_good = _point(run, [base for base in bases if base in run.snapshots], finding.reached)
        return Fault(finding.object, finding.message, run.generation, last_good, next_good)


def _point(run: Run, bases: Sequence[Snapshot], reached: Position) -> RestorePoint | None:
    """Return the restore point whose last commit is the last one up to `reached`."""
    base = max((item for item in bases if item.index <= reached.index), key=_index, default=None)
    if base is None:
        return None
    for segment in reversed(run.segments):
        if segment.position < reached and segment.index >= base.index:
            end = reached if segment.index == reached.index else None
            return RestorePoint(segment.position, segment.time, segment.key, end)
    return snapshot_point(base)


def _index(snapshot: Snapshot) -> int:
    return snapshot.index


def _between(run: Run, start: int, end: int | None) -> Segments:
    """Return the segments of WAL `start` up to, not including, WAL `end` (None: all)."""
    return run.segments[run.segments.before(start) : None if end is None else run.segments.before(end)]


def _was_shipped_behind(run: Run, snapshot: Snapshot) -> bool:
    """Tell whether something stored behind a snapshot shows that all in front of it had been shipped."""
    own = run.segments.of_wal(snapshot.index)
    is_over = run.segments.before(snapshot.index + 1) < len(run.segments)
    return is_over or (len(own) > 0 and own.end > snapshot.time + SHIPPED_AFTER)
