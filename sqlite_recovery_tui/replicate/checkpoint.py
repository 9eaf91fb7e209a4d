"""Folding the WAL into the database, so that its application can begin it anew, without losing a frame.

Hand over hand: a second reader begins, all is shipped, the first one ends; so nearly everything is folded in
while writers write. Only then they are held for a moment, for what came in between. Whatever is not done
leaves a reader of ours in place, and is tried again later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import apsw

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.holders import Holder, oldest_reader, writing
from sqlite_recovery_tui.replicate.reading import NotContinuous
from sqlite_recovery_tui.replicate.session import Session

_PAUSE_SECONDS = 0.001
_ROUNDS = 8
_LITTLE_BYTES = 2 << 20
_FEW_BYTES = 4 << 20
"""No more rounds for what is less than this, unless each leaves half of the one before."""
LAST_BYTES = 16 << 20
"""More than this is not read while writers wait."""


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """How a checkpoint went; a complete one has all of the WAL in the database."""

    outcome: Literal["complete", "partial", "skipped"]
    detail: str = ""
    lock_seconds: float = 0.0
    """How long writers were held."""
    wait_seconds: float = 0.0
    """How long the writer's lock was waited for."""
    blocker: Holder | None = None
    phantom_frames: int = 0
    """Valid frames of a commit that never happened, found behind the end."""
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint of a session."""

    session: Session
    clock: Clock
    hold_seconds: float
    """How long writers may be held, and readers be waited for before that."""
    wait_seconds: float
    """How long to wait for the writer's lock."""
    ending: CancelToken = field(default_factory=CancelToken)
    """Cancelled when the log is to be left as it is: what is begun is ended."""

    def run(self, *, truncate: bool = False) -> Checkpointed:
        """Carry it out; raises what `Session.ship` raises, and `apsw.Error` when R may hold no more."""
        session = self.session
        if session.frozen is not None:
            return Checkpointed("skipped", "a snapshot is being read")
        session.ship()
        if not self.ending.cancelled and not self._approach():
            return self._partial("an older reader keeps frames out of the database")
        if self.ending.cancelled:
            return Checkpointed("skipped", "the database is about to be let go of")
        start = self.clock.monotonic()
        if not session.connections.hold_writers(self.clock, self.wait_seconds):
            waited = self.clock.monotonic() - start
            _, index = session.connections.index()
            holder = writing(index, session.connections.index_id)
            return Checkpointed(
                "skipped", "the writer's lock could not be had", wait_seconds=waited, blocker=holder
            )
        held = self.clock.monotonic()
        try:
            done = self._with_writers_held(held)
        finally:
            session.connections.let_writers()
        now = self.clock.monotonic()
        outcome = self._outcome(done, now - held, held - start)
        return self._truncate(outcome) if truncate and outcome.outcome == "complete" else outcome

    def _approach(self) -> bool:
        """Fold in while writers write, until little is left for when they wait; False: a reader forbids."""
        before = float("inf")
        for _ in range(_ROUNDS):
            if not self._hand_over():
                return False
            self.session.ship()
            _, index = self.session.connections.index()
            left = (index.frames - index.backfilled) * self.session.page_size
            if left <= _LITTLE_BYTES or (left <= _FEW_BYTES and 2 * left > before) or self.ending.cancelled:
                break
            before = left
        return True

    def _hand_over(self) -> bool:
        """Fold in all up to now while writers write; False when a reader is in the way."""
        connections = self.session.connections
        _, before = connections.index()
        connections.pin_other()
        try:
            self.session.ship()
            _, index = connections.index()
            if index.is_folded:
                return True  # R2 may be on the database alone, where it keeps no WAL in place
            connections.hand_over()
        finally:
            connections.unpin_other()
        self.session.still = None
        until = self.clock.monotonic() + self.hold_seconds
        while True:
            connections.fold()
            _, index = connections.index()
            if index.salts != before.salts or index.backfilled >= before.frames:
                return True
            if self.clock.monotonic() >= until:
                return False
            self.clock.sleep(_PAUSE_SECONDS)

    def _with_writers_held(self, start: float) -> _Done:
        session, connections = self.session, self.session.connections
        _, index = connections.index()
        if session.behind_bytes(index) > LAST_BYTES:
            return _Done("much was written meanwhile")
        session.ship()
        phantom = session.wal.phantom(session.at)
        _, index = connections.index()
        if index.is_folded:
            return self._folded_already(phantom)
        session.seal()
        session.still = None
        connections.unpin()
        try:
            row = self._fold(start)
        finally:
            connections.pin()
        _, index = connections.index()
        if row is not None and row[0] != index.frames:
            raise NotContinuous("chain", f"SQLite has {row[0]} frames where its index says {index.frames}")
        if not index.is_folded:
            return _Done("a reader came in between", phantom)
        session.still = connections.database_state()
        return _Done("", phantom)

    def _folded_already(self, phantom: int) -> _Done:
        """Begin R anew all the same: where it holds the WAL in place, that could never begin anew."""
        session = self.session
        session.seal()
        session.connections.unpin()
        session.connections.pin()
        session.still = session.connections.database_state()
        return _Done("", phantom)

    def _fold(self, start: float) -> tuple[int, int] | None:
        connections = self.session.connections
        while True:
            row = connections.fold()
            if row is not None and row[0] == row[1]:
                return row
            if self.clock.monotonic() - start >= self.hold_seconds:
                return row
            self.clock.sleep(_PAUSE_SECONDS)

    def _outcome(self, done: _Done, held: float, waited: float) -> Checkpointed:
        if done.missing:
            partial = self._partial(done.missing)
            return Checkpointed("partial", partial.detail, held, waited, partial.blocker, done.phantom)
        return Checkpointed("complete", "", held, waited, phantom_frames=done.phantom)

    def _partial(self, detail: str) -> Checkpointed:
        _, index = self.session.connections.index()
        return Checkpointed(
            "partial", detail, blocker=oldest_reader(index, self.session.connections.index_id)
        )

    def _truncate(self, done: Checkpointed) -> Checkpointed:
        """Cut the file to nothing, which SQLite refuses when a frame was written meanwhile (R holds)."""
        start = self.clock.monotonic()
        cut = self.session.connections.fold(apsw.SQLITE_CHECKPOINT_TRUNCATE) is not None
        held = done.lock_seconds + self.clock.monotonic() - start
        return Checkpointed("complete", "", held, done.wait_seconds, None, done.phantom_frames, cut)


@dataclass(frozen=True, slots=True)
class _Done:
    missing: str
    """What kept it from being complete; empty when it is."""
    phantom: int = 0
