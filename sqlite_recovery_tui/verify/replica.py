"""Proof of a whole replica: every object decoded, every chain replayed from snapshot to snapshot.

A snapshot that equals, page for page, the state replayed from the one before it attests the end of every
WAL between them, which nothing else in the v0.3 format does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from sqlite_recovery_tui.domain import Continuity, Position, RestorePoint, Snapshot, WalSegment
from sqlite_recovery_tui.errors import FormatError, NotFoundError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import header as database_header
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.chain import Batch, Chain, ChainFault
from sqlite_recovery_tui.replica.timeline import Generation, Run, Timeline, snapshot_point
from sqlite_recovery_tui.restore.apply import PageWriter
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.image import Checkpoint, ImageWriter, IrregularFrame
from sqlite_recovery_tui.storage.base import Store

MEMORY_BYTES = 48 << 20
_COMPARE_BYTES = 4 << 20


@dataclass(frozen=True)
class Fault:
    """Something that does not hold: the object, what is lost by it, the good points around it."""

    object: str
    message: str
    generation: str
    last_good: RestorePoint | None = None
    next_good: RestorePoint | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "object": self.object,
            "message": self.message,
            "generation": self.generation,
            "last_good": self.last_good.to_json() if self.last_good else None,
            "next_good": self.next_good.to_json() if self.next_good else None,
        }


@dataclass(frozen=True)
class GenerationProof:
    """What was shown of one generation."""

    generation: str
    faults: tuple[Fault, ...]
    unproven: tuple[str, ...]
    attested: tuple[int, ...]
    """WAL indexes whose end a later snapshot attests."""
    end: Position | None
    """The last commit that the generation's newest chain reaches."""

    @property
    def verdict(self) -> Continuity:
        if self.faults:
            return "damaged"
        return "consistent" if self.unproven else "proven"

    def to_json(self) -> dict[str, Any]:
        return {
            "generation": self.generation,
            "verdict": self.verdict,
            "faults": [fault.to_json() for fault in self.faults],
            "unproven": list(self.unproven),
            "attested": list(self.attested),
            "end": self.end.to_json() if self.end else None,
        }


@dataclass(frozen=True)
class ReplicaProof:
    """What was shown of a replica."""

    generations: tuple[GenerationProof, ...]
    objects: int
    bytes_fetched: int

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(fault for proof in self.generations for fault in proof.faults)

    @property
    def unproven(self) -> tuple[str, ...]:
        return tuple(f"{proof.generation}: {text}" for proof in self.generations for text in proof.unproven)

    @property
    def verdict(self) -> Continuity:
        verdicts = {proof.verdict for proof in self.generations}
        return "damaged" if "damaged" in verdicts else "consistent" if "consistent" in verdicts else "proven"

    def to_json(self) -> dict[str, Any]:
        """Return the proof as `verify --json` prints it."""
        return {
            "verdict": self.verdict,
            "objects": self.objects,
            "bytes_fetched": self.bytes_fetched,
            "generations": [proof.to_json() for proof in self.generations],
        }


def verify_replica(
    store: Store,
    timeline: Timeline,
    *,
    age_identities: Sequence[str] = (),
    parallelism: int = 8,
    folder: Path | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> ReplicaProof:
    """Decode and replay all that `timeline` lists; faults are collected, not raised.

    Needs room for two copies of the database in `folder` (None: the system's temporary directory).
    Raises `NotFoundError` for an empty replica, `StorageError`, `Cancelled`.
    """
    if not timeline.objects:
        raise NotFoundError(f"no backups found at {store.url}", hint="check the bucket and the path")
    fetcher = Fetcher(store, age_identities, parallelism, cancel or CancelToken())
    meter = _Meter(progress, timeline.objects)
    with tempfile.TemporaryDirectory(prefix="sqlrecover-verify-", dir=folder) as own:
        proofs = tuple(
            _Prover(fetcher, generation, Path(own), meter).prove() for generation in timeline.generations
        )
    return ReplicaProof(proofs, fetcher.objects_fetched, fetcher.bytes_fetched)


@dataclass
class _Meter:
    progress: ProgressFn
    total: int
    done: int = 0

    def count(self, detail: str) -> None:
        self.done += 1
        self.progress(Progress("verifying", self.done, self.total, "objects", detail))


@dataclass
class _Image:
    """A database file that chains are replayed into."""

    path: Path
    page_size: int
    snapshot: Snapshot
    counter: int | None


@dataclass
class _Prover:
    """Prove one generation, run by run."""

    fetcher: Fetcher
    generation: Generation
    folder: Path
    meter: _Meter
    faults: list[Fault] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    attested: list[int] = field(default_factory=list)
    end: Position | None = None
    _images: int = 0

    def prove(self) -> GenerationProof:
        """Prove every run and report the holes between them."""
        for gap in self.generation.gaps:
            self.faults.append(Fault(gap.object, gap.message, gap.generation, gap.before, gap.after))
        for run in self.generation.runs:
            self._run(run)
        return GenerationProof(
            self.generation.id, tuple(self.faults), tuple(self.unproven), tuple(self.attested), self.end
        )

    def _run(self, run: Run) -> None:
        """Replay from each snapshot to the next, then to the end."""
        image: _Image | None = None
        for number, snapshot in enumerate(run.snapshots):
            following = self._load(run, snapshot)
            if image is not None:
                self._stretch(run, image, snapshot, following)
                image.path.unlink()
            elif number:
                self._skip(run, run.snapshots[number - 1].index, snapshot.index)
            image = following
        if image is None:
            return
        self._stretch(run, image, None, None)
        image.path.unlink()

    def _skip(self, run: Run, start: int, end: int) -> None:
        """Check the chain behind a snapshot that cannot be read, by itself."""
        segments = _between(run, start, end)
        self._read(run, segments, Chain(None), None)

    def _load(self, run: Run, snapshot: Snapshot) -> _Image | None:
        """Decode a snapshot into a file of its own; a damaged one is a fault."""
        self._images += 1
        path = self.folder / f"{self.generation.id}-{self._images}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            checkpoint = self._write(fd, snapshot)
            head = os.pread(fd, database_header.SIZE, 0)
            parsed = database_header.parse(head) if checkpoint.plain else None
            if parsed and checkpoint.plain % parsed.page_size:
                raise FormatError(f"its {checkpoint.plain} bytes are not a whole number of pages")
        except FormatError as error:
            path.unlink()
            self._fault(run, snapshot.key, error.message, snapshot.position, snapshot.index)
            return None
        finally:
            os.close(fd)
            self.meter.count(snapshot.key)
        return _Image(
            path, parsed.page_size if parsed else 0, snapshot, parsed.change_counter if parsed else None
        )

    def _write(self, fd: int, snapshot: Snapshot) -> Checkpoint:
        writer = ImageWriter(fd, self.fetcher.cancel, _ignore_bytes, _ignore_head, _ignore_checkpoint)
        try:
            return writer.write(self.fetcher.snapshot(snapshot))
        except IrregularFrame:
            return writer.write_in_sequence(self.fetcher.snapshot(snapshot))

    def _stretch(self, run: Run, image: _Image, target: Snapshot | None, found: _Image | None) -> None:
        """Replay from `image` to `target` (None: to the end of the run) and compare with it."""
        end = target.index if target is not None else None
        segments = _between(run, image.snapshot.index, end)
        chain = Chain(image.page_size or None, counter=image.counter)
        whole = self._read(run, segments, chain, image)
        indexes = sorted(chain.headers)
        if target is None:
            self.unproven += [_unattested(index) for index in indexes[:-1]]
            return
        if not whole:
            return
        if found is None:
            self.unproven += [_unattested(index) for index in indexes]
            return
        if self._equal(run, image, target, found):
            self.attested += indexes
            return
        missing = names.segment_key(self.generation.id, target.index - 1, self.end.offset if self.end else 0)
        self._fault(
            run,
            missing,
            f"what is replayed from snapshot {image.snapshot.index:08x} is not what snapshot "
            f"{target.index:08x} holds: commits are missing or altered between them",
            image.snapshot.position,
            image.snapshot.index,
        )

    def _read(self, run: Run, segments: Sequence[WalSegment], chain: Chain, image: _Image | None) -> bool:
        """Verify `segments` and lay them over `image`; return False when the chain breaks."""
        fd = os.open(image.path, os.O_RDWR) if image else -1
        writer: PageWriter | None = None
        reached = run.snapshots[0].position
        try:
            for batch in chain.read(self._counted(segments)):
                if writer is None and image is not None:
                    spool = self.folder / "spool"
                    spool.unlink(missing_ok=True)
                    size = batch.header.page_size
                    writer = PageWriter(fd, size, memory_bytes=MEMORY_BYTES, spool=spool)
                if writer is not None:
                    writer.add(batch)
                if batch.frames.last_commit:
                    end = batch.end_of(batch.frames.last_commit - 1)
                    reached = Position(run.generation, batch.index, end)
                    self.end = reached
            if writer is not None:
                writer.finish()
        except ChainFault as fault:
            self._fault(run, fault.object, fault.message, reached, fault.segment.index)
            return False
        finally:
            if fd >= 0:
                os.close(fd)
        return True

    def _counted(self, segments: Sequence[WalSegment]) -> Any:
        for segment, data in self.fetcher.segments(segments):
            yield segment, data
            self.meter.count(segment.key)

    def _equal(self, run: Run, image: _Image, target: Snapshot, found: _Image) -> bool:
        """Compare two images; pages that the target's own WAL wrote up to a commit are allowed for."""
        wrong = _differing(image, found)
        if not wrong:
            return True
        segments = [segment for segment in run.segments if segment.index == target.index]
        chain = Chain(found.page_size)
        mark = _Mark(found, wrong)
        try:
            return any(mark.reached_by(batch) for batch in chain.read(self.fetcher.segments(segments)))
        except ChainFault:
            return False  # reported when that WAL itself is proven
        finally:
            mark.close()

    def _fault(self, run: Run, object: str, message: str, reached: Position, index: int) -> None:
        later = [item for item in run.snapshots if item.index > index]
        next_good = snapshot_point(later[0]) if later else None
        last_good = _point(run, reached) if object != run.snapshots[0].key else None
        self.faults.append(Fault(object, message, self.generation.id, last_good, next_good))


class _Mark:
    """Follow a WAL over an image until it is what a snapshot holds."""

    def __init__(self, found: _Image, wrong: set[int]) -> None:
        self._fd = os.open(found.path, os.O_RDONLY)
        self._page_size = found.page_size
        self._pages = os.fstat(self._fd).st_size // found.page_size
        self._wrong = set(wrong)
        self._wanted: dict[int, int] = {}

    def reached_by(self, batch: Batch) -> bool:
        """Tell whether some commit in `batch` leaves nothing different."""
        for number, commit, row in zip(
            batch.frames.pgno.tolist(), batch.frames.commit.tolist(), batch.frames.data, strict=True
        ):
            if xxhash.xxh3_64_intdigest(memoryview(row)[FRAME_HEADER_SIZE:]) == self._hash(number):
                self._wrong.discard(number)
            else:
                self._wrong.add(number)
            if commit and not {page for page in self._wrong if page <= max(commit, self._pages)}:
                return True
        return False

    def _hash(self, number: int) -> int:
        if number not in self._wanted:
            page = os.pread(self._fd, self._page_size, (number - 1) * self._page_size)
            self._wanted[number] = xxhash.xxh3_64_intdigest(page)
        return self._wanted[number]

    def close(self) -> None:
        os.close(self._fd)


def _differing(left: _Image, right: _Image) -> set[int]:
    """Return the numbers of the pages in which two images differ; a missing page differs."""
    size = right.page_size or left.page_size
    wrong: set[int] = set()
    step = _COMPARE_BYTES - _COMPARE_BYTES % size
    with left.path.open("rb", buffering=0) as first, right.path.open("rb", buffering=0) as second:
        start = 0
        while True:
            one, two = first.read(step), second.read(step)
            if not one and not two:
                return wrong
            if one != two:
                wrong |= {start + number for number in _unequal_pages(one, two, size)}
            start += step // size


def _unequal_pages(one: bytes, two: bytes, size: int) -> list[int]:
    """Return the 1-based numbers of the pages that differ between two stretches."""
    common = min(len(one), len(two)) // size
    left = np.frombuffer(one, dtype=np.uint8, count=common * size).reshape(common, size)
    right = np.frombuffer(two, dtype=np.uint8, count=common * size).reshape(common, size)
    differing = (np.flatnonzero((left != right).any(axis=1)) + 1).tolist()
    return [*differing, *range(common + 1, max(len(one), len(two)) // size + 1)]


def _between(run: Run, start: int, end: int | None) -> list[WalSegment]:
    """Return the segments of WAL `start` up to, not including, WAL `end` (None: all)."""
    return [
        segment for segment in run.segments if segment.index >= start and (end is None or segment.index < end)
    ]


def _point(run: Run, reached: Position) -> RestorePoint | None:
    for segment in reversed(run.segments):
        if segment.index == reached.index and segment.offset < reached.offset:
            return RestorePoint(segment.position, segment.time, segment.key, reached)
    base = [item for item in run.snapshots if item.index <= reached.index]
    return snapshot_point(base[-1]) if base else None


def _unattested(index: int) -> str:
    return f"the end of WAL {index:08x} is the writer's word: no later snapshot attests it"


def _ignore_bytes(_read: int, _written: int) -> None:
    return


def _ignore_head(_head: bytes) -> None:
    return


def _ignore_checkpoint(_checkpoint: Checkpoint) -> None:
    return
