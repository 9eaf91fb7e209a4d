"""A database of several WALs and generations at a replica in memory, with the truth about every commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.replicate.stretch import Break
from tests.support.shipping import Ground


@dataclass(frozen=True)
class Told:
    """A commit: where it ends, when it was seen, and the database after it."""

    place: Position
    time: datetime
    content: bytes


class Life(Ground):
    """Ends and begins WALs, takes a snapshot, begins another generation; ships every few commits."""

    def __init__(self, place: Path, *replicas: ReplicaConfig) -> None:
        super().__init__(place, *replicas)
        self.source.now = self.clock.now
        self.told: list[Told] = []
        self.shipped: dict[datetime, bytes] = {}
        """When commits were stored, and the database after the last of them."""

    def commits(self, count: int) -> None:
        """Make commits a second apart, and ship them five seconds later."""
        for _ in range(count):
            self.clock.sleep(1)
            self.source.grow()
            mark, content = self.source.states[-1]
            place = Position(self.spool.generation, mark.index, mark.offset)
            self.told.append(Told(place, self.clock.now(), content))
        self.ship()

    def ship(self) -> None:
        self.clock.sleep(5)
        assert self.shipper.flush()
        if uploading := self.shipper._uploading:
            uploading.join()
        self.shipped[self.clock.now()] = self.told[-1].content

    def live(self) -> None:
        self.commits(2)
        self.commits(3)
        self.source.seal()
        self.commits(3)
        self.source.snapshot()
        self.commits(2)
        self.ship()
        self.source.seal()
        self.commits(1)
        self.source.seal()
        self.source.begin(Break("asked", "for the test"))
        self.commits(3)
        self.source.seal()
        self.commits(2)  # the WAL that is still open

    @property
    def dated(self) -> list[Told]:
        """The commits of WALs that have ended."""
        return self.told[:-2]
