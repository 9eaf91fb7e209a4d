"""The history of one database on its way to the replicas: kept here once, until each of them has it.

What the follower hands over is appended to a tail; `cut` makes segments of it, as the replicas hold them.
Items are numbered, and a replica's place is the number of the last one that it has.
"""

from __future__ import annotations

import secrets
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import humanize

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.formats import lz4, sidecars, wal
from sqlite_recovery_tui.replicate import shipped as places
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.items import Cut, Item, Seal, SnapshotItem
from sqlite_recovery_tui.replicate.journal import Journal
from sqlite_recovery_tui.replicate.lock import DaemonLock
from sqlite_recovery_tui.replicate.shipped import Shipped
from sqlite_recovery_tui.replicate.snapshot import write_snapshot
from sqlite_recovery_tui.replicate.stretch import Break, Frozen, Mark, Stretch
from sqlite_recovery_tui.replicate.tail import Tail, found_tails, tail_path

CAP_BYTES = 1 << 30
CUT_BYTES = 4 << 20
"""A tail this long becomes a segment without being asked for."""


class Discontinuous(ValueError):
    """What was handed over does not go on from what was kept: a fault of ours, never of the database."""


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
    ) -> None:
        """Open the spool in `folder` for `replicas`, by name; raise `RefusedError`, OSError."""
        self.folder = folder
        self._tail_folder, self._notes = folder / "tail", folder / "replicas"
        for each in (folder, self._tail_folder, self._notes):
            spool_files.make_folder(each)
        self._daemon = DaemonLock(folder / "lock")
        self._cap_bytes, self._cut_bytes, self._clock = cap_bytes, cut_bytes, clock
        self._journal = Journal(folder / "journal")
        self._lock, self._cutting = threading.RLock(), threading.Lock()
        self._shipped = {name: self._load(name) for name in replicas}
        self._wanted: dict[str, Break | Literal["snapshot"]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._held: set[int] = set()
        self._floor: int | None = None
        self._generation = ""
        self._mark: Mark | None = None
        self._wal = b""
        self._tails: list[Tail] = []
        self._open: Tail | None = None
        self._recover()

    # ── for the follower ──

    def resume(self) -> Mark | None:
        """Return how far the history was kept."""
        return self._mark

    def begin(self, why: Break, frozen: Frozen, mark: Mark) -> None:
        """Begin a new generation with a snapshot of `frozen`."""
        self.cut()
        generation = secrets.token_hex(8)
        item = self._spool_snapshot(generation, frozen)
        with self._lock:
            self._journal.add(replace(item, number=self._next, why=why, mark=mark))
            self._generation, self._mark, self._wal, self._open = generation, mark, b"", None
            self._wanted.clear()
            self._trim()
        self._tell()

    def append(self, stretch: Stretch, mark: Mark) -> None:
        """Keep a stretch in the tail; it is verified once more, and not synced: the WAL holds it too."""
        with self._lock:
            header = self._check(stretch, mark)
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
        self._tell()

    def snapshot(self, frozen: Frozen) -> None:
        """Keep a snapshot for the replicas that want one."""
        with self._lock:
            self._floor = self._last
        try:
            item = self._spool_snapshot(self._generation, frozen)
            self.cut()
            with self._lock:
                self._journal.add(replace(item, number=self._next))
                self._wanted = {name: what for name, what in self._wanted.items() if what != "snapshot"}
        finally:
            with self._lock:
                self._floor = None
        self._tell()

    # ── for the shippers ──

    @property
    def id(self) -> str:
        """What tells this spool from others, also from one that lay here before."""
        return self._journal.id

    def generations(self) -> set[str]:
        """Return the generations that were begun here and of which something is still known."""
        with self._lock:
            return {item.generation for item in self._journal.items} | {self._generation}

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
        with self._cutting:
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
                    self._bound()

    def after(self, number: int) -> list[Item]:
        """Return the items behind item `number` whose bytes are all here."""
        with self._lock:
            first = bisect_right(self._journal.items, max(number, self._journal.trimmed), key=_number)
            return self._journal.items[first:]

    def snapshots(self) -> list[tuple[SnapshotItem, int]]:
        """Return the snapshots to begin with, oldest first, each with the item behind which to go on."""
        with self._lock:
            found = []
            for item in self.after(0):
                if isinstance(item, SnapshotItem):
                    at = self._place_before(item)
                    if at is not None and at >= self._journal.trimmed and self.path_of(item).exists():
                        found.append((item, at))
            return found

    def path_of(self, item: Item) -> Path:
        """Return the file that holds an item's bytes."""
        return self.folder / item.key

    def shipped(self, replica: str) -> Shipped:
        """Return how far a replica has come."""
        with self._lock:
            return self._shipped[replica]

    def note(self, replica: str, shipped: Shipped, *, lasting: bool = False) -> None:
        """Note how far a replica has come; once that is `lasting`, what nobody needs any more goes."""
        with self._lock:
            path = places.path_of(self._notes, replica)
            places.save(path, self._journal.id, shipped, lasting=lasting)
            self._shipped[replica] = shipped
            if lasting:
                self._trim()

    def hold(self, item: Item, held: bool) -> None:
        """Keep an item's bytes although its turn is over, or no longer."""
        with self._lock:
            if held:
                self._held.add(item.number)
            else:
                self._held.discard(item.number)
                self._drop([item] if item.number <= self._journal.trimmed else [])

    def backlog(self, replica: str) -> tuple[int, int]:
        """Return how many commits, and how many bytes as spooled, a replica does not have."""
        with self._lock:
            items = self.after(self._shipped[replica].done or 0)
            commits = sum(item.count for item in items if isinstance(item, Cut))
            commits += sum(len(seen.ends) for tail in self._tails for seen in tail.commits)
            return commits, sum(item.size for item in items) + sum(tail.length for tail in self._tails)

    def close(self) -> None:
        """Let go of the files and of the lock; what was handed over stays."""
        with self._lock:
            for tail in self._tails:
                tail.close()
            self._journal.close()
            self._daemon.release()

    # ── inside ──

    @property
    def _last(self) -> int:
        items = self._journal.items
        return max(items[-1].number if items else 0, self._journal.trimmed)

    @property
    def _next(self) -> int:
        return self._last + 1

    def _load(self, name: str) -> Shipped:
        return places.load(places.path_of(self._notes, name), self._journal.id)

    def _recover(self) -> None:
        """Find out from what is on disk how far the history was kept."""
        for item in self._journal.items:
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
        raw = stretch.data[:first] or self._wal
        header = wal.parse_header(raw)
        frames = wal.split_frames(memoryview(stretch.data)[first:], header.page_size)
        verified = wal.verify_frames(header, frames, header.checksum if first else before.checksum)
        if verified.fault or verified.checksum != mark.checksum:
            raise Discontinuous(f"frames of {stretch.index:08x}:{stretch.offset:08x}: {verified.fault}")
        if frames.last_commit != len(frames):
            raise Discontinuous(f"{stretch.index:08x}:{stretch.offset:08x} ends inside a transaction")
        return raw

    def _begin_tail(self, index: int, start: int, header: bytes) -> Tail:
        assert self._mark is not None
        path = tail_path(self._tail_folder, self._generation, index, start)
        return Tail(path, self._generation, start, replace(self._mark, index=index, offset=start), header)

    def _spool_snapshot(self, generation: str, frozen: Frozen) -> SnapshotItem:
        """Write a snapshot; it counts once it is in the journal."""
        item = SnapshotItem(0, generation, frozen.index, frozen.page_size, 0, self._clock.now())
        path = self.path_of(item)
        spool_files.make_folder(path.parent)
        return replace(item, size=write_snapshot(path, frozen))

    def _keep(self, tail: Tail) -> None:
        """Make a segment of a tail, and the sidecar of its WAL where it ends there."""
        items: list[Item] = []
        with self._lock:
            number = self._next
        unsealed = replace(tail.mark, sealed=False)
        if tail.length:
            cut = Cut(number, tail.generation, tail.start, 0, unsealed, tail.wal, tuple(tail.commits))
            items.append(replace(cut, size=self._write(cut, lz4.compress(tail.read()))))
        if tail.mark.sealed:
            seal = Seal(number + len(items), tail.generation, tail.mark, 0)
            items.append(replace(seal, size=self._note_end(seal, tail, items)))
        with self._lock:
            # a snapshot may have come in between
            self._journal.add(*(replace(item, number=self._next + at) for at, item in enumerate(items)))

    def _note_end(self, seal: Seal, tail: Tail, last: Sequence[Item]) -> int:
        """Write the sidecar of a WAL that ends with `tail`; return its size, 0 for a WAL without frames."""
        if seal.mark.offset <= wal.HEADER_SIZE:
            return 0
        cuts = [
            item for item in (*self._cuts_of(seal.generation, seal.index), *last) if isinstance(item, Cut)
        ]
        commits = tuple((seen.time, seen.ends) for cut in cuts for seen in cut.commits)
        end = sidecars.WalEnd(tail.wal, seal.mark.offset, seal.mark.checksum, commits)
        return self._write(seal, sidecars.encode(end))

    def _write(self, item: Item, data: bytes) -> int:
        path = self.path_of(item)
        spool_files.make_folder(path.parent)
        return spool_files.write_whole(path, [data])

    def _cuts_of(self, generation: str, index: int) -> list[Item]:
        with self._lock:
            return [
                item
                for item in self._journal.items
                if isinstance(item, Cut) and item.generation == generation and item.index == index
            ]

    def _place_before(self, item: SnapshotItem) -> int | None:
        """Return the item behind which history goes on from a snapshot, None when it is not known."""
        if item.why:
            return item.number
        for each in reversed(self._journal.items):
            if isinstance(each, Seal) and (each.generation, each.index) == (item.generation, item.index - 1):
                return each.number
        return None

    def _bound(self) -> None:
        """Give up the replica that is most behind while the backlog is larger than it may be."""
        if self._segment_bytes() <= self._cap_bytes:
            return
        for name, shipped in self._shipped.items():
            self.note(name, shipped, lasting=True)
        while self._segment_bytes() > self._cap_bytes:
            needs = {name: self._needs(shipped) for name, shipped in self._shipped.items()}
            name = min(needs, key=needs.__getitem__, default="")
            if not name or needs[name] == self._last:
                return
            why = f"its backlog grew beyond {humanize.naturalsize(self._cap_bytes, binary=True)}"
            given_up = replace(self._shipped[name], done=self._last, given_up=why, plan=())
            self.note(name, given_up, lasting=True)

    def _needs(self, shipped: Shipped) -> int:
        """Return the item behind which a replica needs all: one that was given up, the next generation."""
        done = shipped.done or 0
        if not shipped.given_up:
            return done
        items = self._journal.items[bisect_right(self._journal.items, done, key=_number) :]
        begun = [item.number for item in items if isinstance(item, SnapshotItem) and item.why]
        return begun[-1] - 1 if begun else self._last

    def _segment_bytes(self) -> int:
        return sum(item.size for item in self.after(0) if isinstance(item, Cut))

    def _trim(self) -> None:
        """Remove the bytes of what every replica has, and forget the items once there are many."""
        needed = [self._needs(shipped) for shipped in self._shipped.values()]
        if self._floor is not None:
            needed.append(self._floor)
        if any(isinstance(what, str) for what in self._wanted.values()):
            needed.append(self._journal.trimmed)
        done = min(needed, default=self._last)
        if done <= self._journal.trimmed:
            return
        self._drop([item for item in self.after(0) if item.number <= done])
        self._journal.trimmed = done
        if self._journal.is_large:
            self._journal.write_anew([item for item in self._journal.items if self._is_needed(item)], done)

    def _is_needed(self, item: Item) -> bool:
        """Whether an item says something that is not done: all of the present WAL goes into its sidecar."""
        assert self._mark is not None
        of_now = item.generation == self._generation and item.mark is not None
        return item.number > self._journal.trimmed or (of_now and item.index >= self._mark.index)

    def _drop(self, items: Sequence[Item]) -> None:
        for item in items:
            if item.number not in self._held:
                spool_files.remove(self.path_of(item))

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()


def _number(item: Item) -> int:
    return item.number
