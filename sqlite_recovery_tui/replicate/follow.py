"""One database followed: every commit handed on, from the first moment, without a write into it.

A follower belongs to one thread; only what `freeze` returns may be read by another. Whatever fails is told
as an event and tried again with the next look; what cannot be proven begins a new generation.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import apsw

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.checkpoint import LAST_BYTES, Checkpoint, Checkpointed
from sqlite_recovery_tui.replicate.connections import CannotFold, Connections
from sqlite_recovery_tui.replicate.events import EventKind, OnEvent, Teller, ignore
from sqlite_recovery_tui.replicate.fitness import CannotFollow
from sqlite_recovery_tui.replicate.followed import FollowOptions, Polled, Started, State
from sqlite_recovery_tui.replicate.frozen import FrozenDatabase
from sqlite_recovery_tui.replicate.holders import is_used
from sqlite_recovery_tui.replicate.ladder import Load, ladder
from sqlite_recovery_tui.replicate.reading import CannotRead, NotContinuous
from sqlite_recovery_tui.replicate.session import NotKept, Session
from sqlite_recovery_tui.replicate.stretch import Break, Mark, Sink
from sqlite_recovery_tui.replicate.wal_index import TornIndex

_RESUME_BYTES = 256 << 20
_LATELY_SECONDS = 60.0
_FREE_BEGINS = 3
"""So many generations in `_LATELY_SECONDS` begin at once where they must; then each waits for longer."""
_FAILURES = (CannotRead, CannotFold, NotKept, OSError, apsw.Error)


class Follower:
    """Follows `database` into `sink`."""

    def __init__(
        self,
        database: Path,
        sink: Sink,
        clock: Clock = SYSTEM,
        options: FollowOptions | None = None,
        events: OnEvent = ignore,
    ) -> None:
        """Touch nothing yet."""
        self.database = database
        self.options = options or FollowOptions()
        self._sink = sink
        self._clock = clock
        self._teller = Teller(events, clock)
        self._session: Session | None = None
        self._need: NotContinuous | None = None
        """Why a new generation must begin, until one has."""
        self._mark: Mark | None = None
        self._is_detached = False
        """Whether files lie under other names than ours: nothing is folded in any more."""
        self._next_try = self._folded_at = self._tried_at = clock.monotonic()
        self._begun: deque[float] = deque(maxlen=20)
        self._ending = CancelToken()

    def start(self) -> Started:
        """Connect and go on where history was kept, or begin a new generation; never raises for trouble."""
        why = self._connect()
        mark = self._session.position.mark if self._session and self._session.position else None
        if self._session is None or mark is None:
            return Started("waiting", self._teller.detail, None, None)
        if why is None:
            return Started("resumed", "", None, mark)
        return Started("began", why.detail, Break(why.kind, why.detail), mark)

    def poll(self, most_bytes: int | None = None) -> Polled:
        """Look, and hand on what was committed, or at least `most_bytes` of it; never raises for trouble."""
        moved = False
        session = self._followed
        if session is not None:
            moved = self._look(session, most_bytes=most_bytes)
        elif self._clock.monotonic() >= self._next_try:
            self._connect()
            moved = self._followed is not None
        return self._polled(moved)

    def tend(self) -> Checkpointed | None:
        """Fold the log in if it is time to (see `ladder`); None when it is not."""
        session = self._followed
        if session is None or session.frozen is not None:
            return None
        try:
            _, index = session.connections.index()
            size = session.connections.wal_bytes()
        except OSError:
            return None
        now = self._clock.monotonic()
        since = now - self._folded_at, now - self._tried_at
        load = Load(index.frames, index.backfilled, size, session.page_size, *since)
        rung = ladder(load, self.options.limits)
        return self.checkpoint(rung.hold_seconds, truncate=rung.truncate) if rung.fold else None

    def checkpoint(self, hold_seconds: float, *, truncate: bool = False) -> Checkpointed:
        """Fold the log into the database, holding writers for `hold_seconds` at most.

        Never raises for trouble.
        """
        session = self._followed
        if session is None or self._is_detached:
            return Checkpointed("skipped", self._teller.detail or "it is not followed at the moment")
        self._tried_at = self._clock.monotonic()
        try:
            seconds = hold_seconds, self.options.lock_seconds
            done = Checkpoint(session, self._clock, *seconds, self._ending).run(truncate=truncate)
        except NotContinuous as broken:
            self._break(broken)
            return Checkpointed("skipped", broken.detail)
        except _FAILURES as error:
            self._fail(error)
            return Checkpointed("skipped", self._teller.detail)
        self._tell_of(done)
        return done

    def snapshot(self, hold_seconds: float = 0.05) -> bool:
        """Fold the log in as far as can be, and give the sink a snapshot; False when it could not be done.

        Writers go on meanwhile. For other threads to read it, use `freeze`.
        """
        self.checkpoint(hold_seconds)
        frozen = self.freeze()
        if frozen is None:
            return False
        try:
            self._sink.snapshot(frozen)
        except OSError as error:
            self._fail(NotKept(error.strerror or str(error)))
            return False
        finally:
            self.thaw()
        return True

    def freeze(self) -> FrozenDatabase | None:
        """End the present WAL and hold the database as it is there, until `thaw`; None when it cannot be.

        `poll` goes on meanwhile; nothing is folded in.
        """
        session = self._followed
        if session is None or session.frozen is not None:
            return None
        try:
            return session.freeze()
        except NotContinuous as broken:
            self._break(broken)
        except _FAILURES as error:
            self._fail(error)
        return None

    def thaw(self) -> None:
        """End what `freeze` began."""
        if self._session is not None:
            self._session.thaw()

    def renew(self, why: Break) -> None:
        """Begin a new generation with the next look, because `why`."""
        self._break(NotContinuous(why.kind, why.detail))

    def hurry(self) -> None:
        """Have a checkpoint that is under way leave the rest: `stop` comes next. From any thread."""
        self._ending.cancel()

    def stop(self, lock_seconds: float, read_seconds: float | None = None) -> Polled:
        """Hand on the last commits, for at most `read_seconds`, and let go of the database; its WAL stays.

        Writers are held for the very last if that is little, and waited for as long as `lock_seconds`; what
        they commit later is left to the next start. It goes on from there, also when this process was the
        last to have the database open.
        """
        session = self._session
        if session is None:
            return self._polled(moved=False)
        held = False
        try:
            whole = self._followed is not None and self._read_to_now(session, read_seconds)
            if whole and self._polled(moved=True).behind_bytes <= LAST_BYTES:
                held = session.connections.hold_writers(self._clock, lock_seconds)
            moved = held and self._look(session, at_files=False)
            last = self._polled(moved or whole)
            return replace(last, behind_bytes=0) if whole and not held and self._is_well else last
        except apsw.Error as error:
            self._fail(error)
            return self._polled(moved=False)
        finally:
            if held and self._session is session:
                session.connections.let_writers()
            self._disconnect()
            self._next_try = float("inf")

    def _read_to_now(self, session: Session, seconds: float | None) -> bool:
        """Hand on what is committed by now, writers writing on; False when it was not all in so long."""
        until = self._clock.monotonic() + (float("inf") if seconds is None else seconds)
        left = self._polled(moved=False).behind_bytes
        while left > 0 and self._look(session, at_files=False, most_bytes=LAST_BYTES):
            left -= LAST_BYTES
            if self._clock.monotonic() >= until:
                break
        return left <= 0 or (self._is_well and self._clock.monotonic() < until)

    @property
    def _is_well(self) -> bool:
        return self._followed is not None and not self._teller.detail

    @property
    def _followed(self) -> Session | None:
        """The session, when all that is committed can be handed on; None while it waits or must begin."""
        session = self._session
        return None if session is None or session.position is None or self._need is not None else session

    def _look(self, session: Session, *, at_files: bool = True, most_bytes: int | None = None) -> bool:
        """Hand on what is new, unless the files themselves have changed; tell whether there was any."""
        try:
            if at_files and (self._has_moved(session) or self._was_written_past(session)):
                return False
            moved = not session.is_idle() and session.ship(most_bytes)
        except NotContinuous as broken:
            self._break(broken)
        except _FAILURES as error:
            self._fail(error)
        else:
            self._teller.recovered()
            return moved
        return False

    def _connect(self) -> NotContinuous | None:
        """Connect, and go on or begin; return why a new generation began, None when it did not."""
        self._next_try = self._clock.monotonic() + self.options.retry_seconds
        try:
            return self._connected()
        except CannotFollow as error:
            self._disconnect()
            self._wait(error.why, error.message)
        except NotContinuous as broken:
            self._break(broken)
        except _FAILURES as error:
            self._fail(error)
        return None

    def _connected(self) -> NotContinuous | None:
        session = self._session
        if session is None:
            connections = Connections(self.database)
            try:
                session = Session(connections, self._sink, self._clock, self.options.stretch_bytes)
            except BaseException:
                connections.close()
                raise
            self._session = session
        if not self._pinned(session):
            return None
        why = self._need
        if why is None:
            session.ship()
            self._teller.tell("resumed", f"at {_place(session.at.mark)}")
        else:
            session.begin(why)
            self._need = None
            self._begun.append(self._clock.monotonic())
            self._teller.tell("began", why.detail)
        self._teller.recovered()
        self._folded_at = self._clock.monotonic()
        return why

    def _pinned(self, session: Session) -> bool:
        """Begin R while W keeps writers out, and go on from what was kept if that can be proven.

        R may come to hold nothing but the database itself where all of the WAL is folded in: then the WAL is
        restarted as soon as W ends, so what is left of it is handed on before.
        """
        start = self._clock.monotonic()
        if not session.connections.hold_writers(self._clock, self.options.lock_seconds):
            self._wait("long-wait", f"the writer's lock could not be had in {self.options.lock_seconds:g} s")
            if session.position is None:
                self._disconnect()
            return False
        try:
            self._told_long(self._clock.monotonic() - start)
            session.thaw()  # what is frozen stays so only while R holds
            session.connections.pin()
            _, index = session.connections.index()
            session.still = session.connections.database_state() if index.is_folded else None
            self._need = self._need or self._resume(session, is_folded=index.is_folded)
        finally:
            session.connections.let_writers()
        return True

    def _resume(self, session: Session, *, is_folded: bool) -> NotContinuous | None:
        try:
            mark = self._mark or self._sink.resume()
        except OSError as error:
            raise NotKept(error.strerror or str(error)) from error
        why = session.resume(mark)
        if why is not None:
            self._teller.broken(why.kind, why.detail)
        if why is not None or not is_folded:
            return why
        _, index = session.connections.index()
        if session.behind_bytes(index) > _RESUME_BYTES:
            return NotContinuous("down", "more was written meanwhile than writers can be made to wait for")
        try:
            session.ship()
            session.seal()
        except NotContinuous as broken:
            return broken
        except BaseException:
            session.position = None  # the log may begin anew at once: it must be proven again
            raise
        return None

    def _has_moved(self, session: Session) -> bool:
        """See whether the files still have their names; where they do not, decide whom to follow."""
        moved = session.connections.moved()
        if not moved:
            return False
        if "database" in moved:
            self._leave(session, "replaced" if moved["database"] else "missing", "the file was taken away")
            return True
        if not self._is_detached:
            self._detach(session, *(("index-gone", "-shm") if "index" in moved else ("wal-gone", "-wal")))
        if self._clock.monotonic() >= self._next_try:
            self._next_try = self._clock.monotonic() + self.options.retry_seconds
            if not is_used(session.connections.index_id):
                self._leave(session, "replaced", "its log has another file")
                return True
        return False

    def _detach(self, session: Session, kind: EventKind, name: str) -> None:
        """Follow what running applications still write to the files that have lost their names."""
        if kind == "wal-gone":
            self.checkpoint(self.options.limits.hold_seconds)  # so that at least the database has it all
        self._is_detached = True
        self._teller.tell(
            kind, f"{session.connections.real}{name} was taken away; restart the application soon"
        )

    def _leave(self, session: Session, kind: EventKind, detail: str) -> None:
        """Hand on the last there is in files that are no longer the database's, and connect anew."""
        try:
            session.ship()
        except (NotContinuous, *_FAILURES):
            pass  # the new generation begins with what is there now
        self._teller.tell(kind, detail)
        self._disconnect()
        self._need = NotContinuous("replaced", detail)
        self._next_try = self._clock.monotonic() + self._pause()

    def _was_written_past(self, session: Session) -> bool:
        """See whether the database file changed while SQLite could not have written to it."""
        if session.still is None or session.connections.database_state() == session.still:
            return False
        session.still = None
        self._teller.tell("written-past", "the database file was written to without its log")
        self._break(NotContinuous("replaced", "the database file was written to without its log"))
        return True

    def _break(self, broken: NotContinuous) -> None:
        self._teller.broken(broken.kind, broken.detail)
        self._need = broken
        self._teller.detail = broken.detail
        self._next_try = self._clock.monotonic() + self._pause()
        if self._is_detached:
            self._disconnect()

    def _pause(self) -> float:
        """Return how long to wait before another generation begins: longer the more there were lately."""
        since = self._clock.monotonic() - _LATELY_SECONDS
        recent = sum(1 for begun in self._begun if begun >= since)
        if recent <= _FREE_BEGINS:
            return 0.0
        seconds = self.options.retry_seconds * 2.0 ** (recent - _FREE_BEGINS - 1)
        return min(seconds, self.options.longest_retry_seconds)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, CannotFold):
            self._teller.standing("fold-failed", str(error))
            return
        if isinstance(error, NotKept):
            self._wait("sink-failed", f"what was committed cannot be kept: {error}")
            return
        self._wait("unreadable", f"{self.database}: {error}")
        if isinstance(error, TornIndex) and self._session is not None:
            self._mend(self._session)
        if isinstance(error, apsw.Error):
            self._disconnect()  # R may hold nothing any more

    def _mend(self, session: Session) -> None:
        """Have SQLite make the index anew that a writer left half changed when it was killed."""
        with suppress(apsw.Error):
            if session.connections.hold_writers(self._clock, 0):
                session.connections.let_writers()

    def _wait(self, kind: EventKind, detail: str) -> None:
        """Say what is in the way, and try again later."""
        self._next_try = self._clock.monotonic() + self.options.retry_seconds
        self._teller.in_the_way(kind, detail)

    def _tell_of(self, done: Checkpointed) -> None:
        if done.phantom_frames:
            self._teller.tell("phantom", f"{done.phantom_frames} frames of a commit that never happened")
        if done.outcome == "complete":
            self._folded_at = self._clock.monotonic()
            self._teller.folded()
        elif done.outcome == "partial" and done.blocker is not None:
            self._teller.standing("blocked", f"{done.blocker} keeps the log from being folded in")
        if done.truncated:
            self._teller.tell("truncated", "the log was cut to nothing")
        self._told_long(done.wait_seconds)

    def _told_long(self, seconds: float) -> None:
        if seconds >= self.options.long_wait_seconds:
            self._teller.tell("long-wait", f"the writer's lock was waited for {seconds:.1f} s")

    def _disconnect(self) -> None:
        if self._session is not None:
            if self._session.position is not None:
                self._mark = self._session.position.mark
            self._session.close()
        self._session = None
        self._is_detached = False

    def _polled(self, moved: bool) -> Polled:
        session = self._session
        if session is None:
            return Polled("waiting", moved, self._mark, 0, 0, 0, self._teller.detail)
        mark = session.position.mark if session.position else None
        state: State = "following" if mark is not None and self._need is None else "beginning"
        try:
            _, index = session.connections.index()
            size = session.connections.wal_bytes()
        except OSError as error:
            return Polled(state, moved, mark, 0, 0, 0, str(error))
        behind = session.behind_bytes(index) if mark is not None else size
        return Polled(state, moved, mark, size, index.frames, behind, self._teller.detail)


def _place(mark: Mark) -> str:
    return f"{max(mark.index, 0):08x}:{mark.offset:08x}"
