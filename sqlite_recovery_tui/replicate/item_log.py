"""The items of a spool and how far each replica has come in them: what nobody needs goes, within a cap."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import humanize

from sqlite_recovery_tui.replicate import shipped as places
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.items import Cut, Item, Seal, SnapshotItem
from sqlite_recovery_tui.replicate.journal import Journal
from sqlite_recovery_tui.replicate.shipped import Shipped


class ItemLog:
    """Numbered items, durable once added, and the place of each replica. Thread-safe."""

    def __init__(self, folder: Path, replicas: Sequence[str], *, cap_bytes: int) -> None:
        """Read what is in `folder`; segments that wait may take `cap_bytes` there. Raise OSError."""
        self.folder = folder
        self._notes = folder / "replicas"
        spool_files.make_folder(self._notes)
        self._journal = Journal(folder / "journal")
        self._cap_bytes = cap_bytes
        self._lock = threading.RLock()
        self._held: set[int] = set()
        self._shipped = {
            name: places.load(places.path_of(self._notes, name), self._journal.id) for name in replicas
        }

    @property
    def id(self) -> str:
        """What tells this log from others, also from one that lay here before."""
        return self._journal.id

    @property
    def last(self) -> int:
        """The number of the newest item; 0 before the first."""
        with self._lock:
            items = self._journal.items
            return max(items[-1].number if items else 0, self._journal.trimmed)

    @property
    def items(self) -> list[Item]:
        """Everything that is still known, also of what is done."""
        with self._lock:
            return list(self._journal.items)

    def generations(self) -> set[str]:
        """Return the generations that were begun here and of which something is still known."""
        return {item.generation for item in self.items}

    def add(self, *items: Item) -> None:
        """Add items, whose bytes lie where `path_of` says, under the next numbers; raise OSError."""
        with self._lock:
            first = self.last + 1
            self._journal.add(*(replace(item, number=first + at) for at, item in enumerate(items)))

    def after(self, number: int) -> list[Item]:
        """Return the items behind item `number` whose bytes are still here."""
        with self._lock:
            return self._behind(max(number, self._journal.trimmed))

    def cuts_of(self, generation: str, index: int) -> list[Cut]:
        """Return the segments of a WAL that has not ended, done or not."""
        return [
            item
            for item in self.items
            if isinstance(item, Cut) and (item.generation, item.index) == (generation, index)
        ]

    def snapshots(self) -> list[tuple[SnapshotItem, int]]:
        """Return the snapshots to begin with, oldest first, each with the item behind which to go on.

        Each is here with everything that follows on it.
        """
        with self._lock:
            found = []
            for item in self.after(0):
                at = self._place_before(item) if isinstance(item, SnapshotItem) else None
                if at is not None and isinstance(item, SnapshotItem) and self._is_whole(item, at):
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

    def bound(self) -> None:
        """Give up the replica that is most behind while what waits is more than it may be."""
        with self._lock:
            if self._waiting_bytes() <= self._cap_bytes:
                return
            for name, shipped in self._shipped.items():
                self.note(name, shipped, lasting=True)
            while self._waiting_bytes() > self._cap_bytes:
                needs = {name: self._needs(shipped) for name, shipped in self._shipped.items()}
                name = min(needs, key=needs.__getitem__, default="")
                if not name or needs[name] == self.last:
                    return
                why = f"its backlog grew beyond {humanize.naturalsize(self._cap_bytes, binary=True)}"
                given_up = replace(self._shipped[name], done=self.last, given_up=why, plan=())
                self.note(name, given_up, lasting=True)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._journal.close()

    def _behind(self, number: int) -> list[Item]:
        return self._journal.items[bisect_right(self._journal.items, number, key=_number) :]

    def _place_before(self, item: SnapshotItem) -> int | None:
        """Return the item behind which history goes on from a snapshot, None when it is not known."""
        if item.why:
            return item.number
        for each in reversed(self._journal.items):
            if isinstance(each, Seal) and (each.generation, each.index) == (item.generation, item.index - 1):
                return each.number
        return None

    def _is_whole(self, snapshot: SnapshotItem, at: int) -> bool:
        """Whether a snapshot's bytes are here, and those of every segment behind item `at`."""
        needed = [item for item in self._behind(at) if isinstance(item, Cut)]
        return self.path_of(snapshot).exists() and all(self.path_of(item).exists() for item in needed)

    def _needs(self, shipped: Shipped) -> int:
        """Return the item behind which a replica needs all: one that was given up, the next generation."""
        done = shipped.done or 0
        if not shipped.given_up:
            return done
        begun = [item.number for item in self._behind(done) if isinstance(item, SnapshotItem) and item.why]
        return begun[-1] - 1 if begun else self.last

    def _waiting_bytes(self) -> int:
        return sum(item.size for item in self.after(0) if isinstance(item, Cut))

    def _trim(self) -> None:
        """Remove the bytes of what every replica has, and forget the items once there are many."""
        done = min(map(self._needs, self._shipped.values()), default=self.last)
        if done <= self._journal.trimmed:
            return
        self._drop([item for item in self.after(0) if item.number <= done])
        self._journal.trimmed = done
        if self._journal.is_large:
            last = next(item for item in reversed(self._journal.items) if item.mark is not None)
            kept = [item for item in self._journal.items if item.number > done or _is_of_now(item, last)]
            self._journal.write_anew(kept, done)

    def _drop(self, items: Sequence[Item]) -> None:
        for item in items:
            if item.number not in self._held:
                spool_files.remove(self.path_of(item))


def _is_of_now(item: Item, last: Item) -> bool:
    """Whether an item says where history stands, or goes into the sidecar of a WAL that has not ended."""
    if item.generation != last.generation or item.index < last.index:
        return False
    return item.mark is not None


def _number(item: Item) -> int:
    return item.number
