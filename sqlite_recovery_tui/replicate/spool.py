"""The history of one database on its way to the replicas: kept here once, until each of them has it.

What the follower hands over is appended to a tail; `cut` makes segments of it, as the replicas hold them.
Items are numbered, and a replica's place is the number of the last one that it has.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.formats import lz4, sidecars, wal
from sqlite_recovery_tui.formats.page_sums import DatabaseSum
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.item_log import ItemLog
from sqlite_recovery_tui.replicate.items import Cut, Item, Seal, Seen, SnapshotItem
from sqlite_recovery_tui.replicate.lock import DaemonLock
from sqlite_recovery_tui.replicate.running_sum import RunningSum, SummedFrozen
from sqlite_recovery_tui.replicate.snapshot import write_snapshot
from sqlite_recovery_tui.replicate.stretch import Break, Frozen, Mark, Stretch
from sqlite_recovery_tui.replicate.tail import Tail, found_tails, tail_path

CAP_BYTES = 1 << 30
CUT_BYTES = 4 << 20
"""A tail this long becomes a segment without being asked for."""


class Discontinuous(ValueError):
    """What was handed over does not go on from what was kept: a fault of ours, never of the database."""


def new_generation_id() -> str:
    """Return a name that no generation had before."""
    return secrets.token_hex(8)


class Spool:
    """Implements `Sink` for a follower, and serves what it kept to one shipper for each replica.

    The follower's methods are called by one thread (`snapshot` perhaps by another), the rest by any.
    """

    def __init__(
        self,
        folder: Path,
        replicas: Sequence[str],
        *,
        cap_bytes: int = CAP_BYTES,
        cut_bytes: int = CUT_BYTES,
        clock: Clock = SYSTEM,
        new_id: Callable[[], str] = new_generation_id,
    ) -> None:
        """Open the spool in `folder` for `replicas`, by name; raise `RefusedError`, OSError.

        `new_id` names generations.
        """
        self.folder = folder
        self._tail_folder = folder / "tail"
        spool_files.make_folder(self._tail_folder)
        self._daemon = DaemonLock(folder / "lock")
        self._cut_bytes, self._clock, self._new_id = cut_bytes, clock, new_id
        self.log = ItemLog(folder, replicas, cap_bytes=cap_bytes)
        """What is kept, item by item, and how far each replica has come."""
        self._lock, self._cutting = threading.RLock(), threading.Lock()
        self._wanted: dict[str, Break | Literal["snapshot"]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._generation = ""
        self._mark: Mark | None = None
        self._wal = b""
        self._tails: list[Tail] = []
        self._open: Tail | None = None
        self._ended: dict[int, DatabaseSum] = {}
        """The checksums of the database at the ends of WALs whose sidecars are not written yet."""
        self._recover()
        self._sum = RunningSum.load(folder / "sum", self._generation, self._mark)

    # ── for the follower ──

    def resume(self) -> Mark | None:
        """Return how far the history was kept."""
        return self._mark

    def begin(self, why: Break, frozen: Frozen, mark: Mark) -> None:
        """Begin a new generation with a snapshot of `frozen`."""
        self.cut()
        generation = self._new_id()
        summed = SummedFrozen(frozen)
        item = self._spool_snapshot(generation, summed)
        with self._lock:
            self.log.add(replace(item, why=why, mark=mark))
            self._sum.begin(frozen.index, summed.sums)
            self._ended.clear()
            self._generation, self._mark, self._wal, self._open = generation, mark, b"", None
            self._wanted.clear()
        self._tell()

    def append(self, stretch: Stretch, mark: Mark) -> None:
        """Keep a stretch, verified once more: a long one is a segment at once, others go into the tail.

        The tail is not synced: the WAL holds it too.
        """
        with self._lock:
            header = self._check(stretch, mark)
        if len(stretch.data) >= self._cut_bytes:
            self._append_segment(stretch, mark, header)
        else:
            self._append_to_tail(stretch, mark, header)
        with self._lock:
            self._sum.see(stretch)
        self._tell()

    def seal(self, mark: Mark) -> None:
        """Keep that a WAL ended; all that is not yet a segment is synced as it is."""
        with self._lock:
            before = self._mark
            if before is None or (mark.index, mark.offset) != (before.index, before.offset):
                raise Discontinuous(f"the end of a WAL at {mark.index:08x}:{mark.offset:08x} is not the end")
            for tail in self._tails:
                if not tail.synced and tail is not self._open:
                    tail.sync()
            tail = self._open or self._begin_tail(mark.index, mark.offset, self._wal)
            tail.seal(mark)
            if tail is not self._open:
                self._tails.append(tail)
            tail.close()
            self._mark, self._open = mark, None
            if (found := self._sum.seal(mark)) is not None:
                self._ended[mark.index] = found
        self._tell()

    def snapshot(self, frozen: Frozen) -> None:
        """Keep a snapshot for the replicas that want one."""
        summed = SummedFrozen(frozen)
        item = self._spool_snapshot(self._generation, summed)
        self.cut()
        with self._lock:
            self.log.add(item)
            self._sum.rebase(frozen.index, summed.sums)
            self._wanted = {name: what for name, what in self._wanted.items() if what != "snapshot"}
        self._tell()

    # ── for the shippers ──

    @property
    def generation(self) -> str:
        """The present generation; empty before the first."""
        return self._generation

    @property
    def wanted(self) -> Break | Literal["snapshot"] | None:
        """What the shippers need of the follower: a new generation, a snapshot, or nothing."""
        with self._lock:
            breaks = [what for what in self._wanted.values() if isinstance(what, Break)]
            return breaks[0] if breaks else "snapshot" if self._wanted else None

    def want(self, replica: str, what: Break | Literal["snapshot"]) -> None:
        """Ask for a new generation or a snapshot, until there is one."""
        with self._lock:
            self._wanted[replica] = what
        self._tell()

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever there may be something to ship; it must not block."""
        self._listeners.append(changed)

    def cut(self) -> None:
        """Make segments of everything that was appended, durably; raise OSError."""
        if self._tails:
            with self._cutting:
                self._cut()

    def backlog(self, replica: str) -> tuple[int, int]:
        """Return how many commits, and how many bytes as spooled, a replica does not have."""
        with self._lock:
            items = self.log.after(self.log.shipped(replica).done or 0)
            commits = sum(item.count for item in items if isinstance(item, Cut))
            commits += sum(len(seen.ends) for tail in self._tails for seen in tail.commits)
            return commits, sum(item.size for item in items) + sum(tail.length for tail in self._tails)

    def close(self) -> None:
        """Let go of the files and of the lock; what was handed over stays."""
        with self._lock:
            for tail in self._tails:
                tail.close()
            if self._mark is not None:
                with suppress(OSError):  # without it there is none until the next snapshot
                    self._sum.save(self.folder / "sum", self._generation, self._mark)
            self.log.close()
            self._daemon.release()

    # ── inside ──

    def _recover(self) -> None:
        """Find out from what is on disk how far the history was kept."""
        for item in self.log.items:
            self._generation = item.generation
            self._mark = item.mark or self._mark
            if isinstance(item, Cut):
                self._wal = item.wal
        if self._mark is None:
            return
        self._tails = list(found_tails(self._tail_folder, self._generation, self._mark))
        if self._tails:
            self._mark, self._wal = self._tails[-1].mark, self._tails[-1].wal
        if self._tails and not self._mark.sealed:
            self._open = self._tails[-1]

    def _check(self, stretch: Stretch, mark: Mark) -> bytes:
        """Return the beginning of the WAL that a stretch is of; raise `Discontinuous`."""
        before = self._mark
        if before is None:
            raise Discontinuous("there is no generation yet")
        expected = (before.index + 1, 0) if before.sealed else (before.index, before.offset)
        if (stretch.index, stretch.offset) != expected or (mark.index, mark.offset) != (
            stretch.index,
            stretch.end,
        ):
            raise Discontinuous(f"{stretch.index:08x}:{stretch.offset:08x} follows on {before}")
        first = wal.HEADER_SIZE if stretch.offset == 0 else 0
        raw = bytes(stretch.data[:first]) or self._wal
        header = wal.parse_header(raw)
        frames = wal.split_frames(memoryview(stretch.data)[first:], header.page_size)
        verified = wal.verify_frames(header, frames, header.checksum if first else before.checksum)
        if verified.fault or verified.checksum != mark.checksum:
            raise Discontinuous(f"frames of {stretch.index:08x}:{stretch.offset:08x}: {verified.fault}")
        if frames.last_commit != len(frames):
            raise Discontinuous(f"{stretch.index:08x}:{stretch.offset:08x} ends inside a transaction")
        return raw

    def _append_segment(self, stretch: Stretch, mark: Mark, header: bytes) -> None:
        """Keep a stretch as an item of its own, durably, behind those of all that came before."""
        seen = Seen(stretch.seen, tuple(commit.end for commit in stretch.commits))
        cut = Cut(0, self._generation, stretch.offset, 0, mark, header, (seen,))
        size = self._write(cut, lz4.compress_pieces((stretch.data,)))
        with self._cutting:
            self._cut()
            with self._lock:
                self.log.add(replace(cut, size=size))
                self._mark, self._wal = mark, header
        self.log.bound()

    def _append_to_tail(self, stretch: Stretch, mark: Mark, header: bytes) -> None:
        with self._lock:
            tail = self._open or self._begin_tail(stretch.index, stretch.offset, header)
            tail.append(stretch, mark)
            self._mark, self._wal = mark, header
            if tail is not self._open:
                self._tails.append(tail)
                self._open = tail
            is_long = tail.length >= self._cut_bytes
        if is_long:
            with suppress(OSError):  # the stretch is kept; what cannot be cut now is cut later
                self.cut()

    def _cut(self) -> None:
        while True:
            with self._lock:
                if not self._tails:
                    return
                tail = self._tails[0]
                if tail is self._open:
                    self._open = None
            self._keep(tail)
            with self._lock:
                self._tails.pop(0)
                tail.remove()
            self.log.bound()

    def _begin_tail(self, index: int, start: int, header: bytes) -> Tail:
        assert self._mark is not None
        path = tail_path(self._tail_folder, self._generation, index, start)
        return Tail(path, self._generation, start, replace(self._mark, index=index, offset=start), header)

    def _spool_snapshot(self, generation: str, frozen: Frozen) -> SnapshotItem:
        """Write a snapshot; it counts once it is in the journal."""
        item = SnapshotItem(0, generation, frozen.index, frozen.page_size, 0, self._clock.now())
        path = self.log.path_of(item)
        spool_files.make_folder(path.parent)
        return replace(item, size=write_snapshot(path, frozen))

    def _keep(self, tail: Tail) -> None:
        """Make a segment of a tail, and the sidecar of its WAL where it ends there."""
        items: list[Item] = []
        if tail.length:
            mark = replace(tail.mark, sealed=False)
            cut = Cut(0, tail.generation, tail.start, 0, mark, tail.wal, tuple(tail.commits))
            items.append(replace(cut, size=self._write(cut, lz4.compress_pieces(tail.pieces()))))
        if tail.mark.sealed:
            seal = Seal(0, tail.generation, tail.mark, 0)
            items.append(replace(seal, size=self._note_end(seal, tail, items)))
        self.log.add(*items)

    def _note_end(self, seal: Seal, tail: Tail, last: Sequence[Item]) -> int:
        """Write the sidecar of a WAL that ends with `tail`; return its size, 0 for a WAL without frames."""
        if seal.mark.offset <= wal.HEADER_SIZE:
            return 0
        cuts = [*self.log.cuts_of(seal.generation, seal.index), *last]
        commits = tuple(
            (seen.time, seen.ends) for cut in cuts if isinstance(cut, Cut) for seen in cut.commits
        )
        with self._lock:
            database = self._ended.pop(seal.index, None) if seal.generation == self._generation else None
        end = sidecars.WalEnd(tail.wal, seal.mark.offset, seal.mark.checksum, commits, database)
        return self._write(seal, [sidecars.encode(end)])

    def _write(self, item: Item, pieces: Iterable[bytes]) -> int:
        path = self.log.path_of(item)
        spool_files.make_folder(path.parent)
        return spool_files.write_whole(path, pieces)

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()
