"""Move one scratch to another restore point of its replica: only the pages that differ are written.

The scratch is private, so it is written in place; its manifest says that it is being moved until all of it
is on disk. A kill leaves it marked so, or whole. What cannot be moved exactly is restored anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.domain import Place, Position
from sqlite_recovery_tui.durable import fsync_folder
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.generations import WalRoute
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore.apply import write_pages
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.run import RestoreOptions, local_failure, restore
from sqlite_recovery_tui.restore.scratch import locked
from sqlite_recovery_tui.restore.travelling import note
from sqlite_recovery_tui.restore.travelling.ltx import LtxPast
from sqlite_recovery_tui.restore.travelling.move import Move, NoWay
from sqlite_recovery_tui.restore.travelling.spool import U32, read_rows
from sqlite_recovery_tui.restore.travelling.wal import WalPast
from sqlite_recovery_tui.storage.base import Store

_CHUNK_BYTES = 16 << 20
_SLACK_BYTES = 64 << 20
"""A move may fetch so much more than a restore would: it pays at the next move."""


@dataclass(frozen=True)
class Moved:
    """Where a scratch was moved to, and what that took."""

    place: Place
    plan: Plan
    written: int
    """Pages that were written."""
    pages: int
    """The database's size."""
    seconds: float
    restored: str = ""
    """Why it was restored anew; empty for a move."""

    def to_json(self) -> dict[str, Any]:
        """Return the move as the command line prints it."""
        return {
            "position": self.place.to_json(),
            "time": self.plan.point.time.isoformat().replace("+00:00", "Z"),
            "pages_written": self.written,
            "pages": self.pages,
            "duration_ms": round(self.seconds * 1000),
            "restored_anew": self.restored or None,
        }


class Travel:
    """One scratch on its way through the history of its replica."""

    def __init__(
        self,
        store: Store,
        scratch: Path,
        *,
        identities: Sequence[str] = (),
        parallelism: int = 8,
        clock: Clock = SYSTEM,
    ) -> None:
        """Take the scratch at `scratch`, made by a restore; raise `RefusedError` where it is none."""
        self.scratch = scratch.absolute()
        self._store = store
        self._identities = identities
        self._parallelism = parallelism
        self._clock = clock
        self._wal: WalPast | None = None
        self._ltx: LtxPast | None = None
        self._manifest = note.read(self.scratch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what was kept for further moves."""
        self._forget()

    @property
    def held(self) -> Place | None:
        """Where the scratch stands; None where an interrupted move left it."""
        return note.held(self._manifest)

    def move(
        self,
        plan: Plan,
        *,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> Moved:
        """Bring the scratch to the state that `plan`, of the same replica, leads to.

        Nobody may look into it meanwhile. Raises `RefusedError`, `StorageError`, `DamagedError`,
        `Cancelled`; before the first page is written the scratch is as it was, from then on it is marked.
        """
        token = cancel or CancelToken()
        token.check()
        with locked(self.scratch):
            return self._move(plan, progress, token)

    def _move(self, plan: Plan, progress: ProgressFn, token: CancelToken) -> Moved:
        self._manifest = note.read(self.scratch)
        if plan.url != self._manifest.get("url"):
            raise RefusedError(
                f"{self.scratch} is of {self._manifest.get('url')}, not of {plan.url}",
                object=str(self.scratch),
                hint="restore another scratch from there",
            )
        started = self._clock.monotonic()
        fetcher = Fetcher(self._store, self._identities, self._parallelism, token)
        try:
            try:
                place, written, pages = self._in_place(plan, fetcher, progress)
                why = ""
            except NoWay as reason:
                self._forget()
                why = str(reason)
                place, written, pages = self._anew(plan, progress, token)
        except OSError as error:
            self._forget()
            raise local_failure(error, self.scratch) from None
        except BaseException:
            self._forget()
            raise
        return Moved(place, plan, written, pages, self._clock.monotonic() - started, why)

    # In place

    def _in_place(self, plan: Plan, fetcher: Fetcher, progress: ProgressFn) -> tuple[Place, int, int]:
        held = self.held
        if held is None:
            raise NoWay("an earlier move was interrupted, or its exact state is not known")
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.scratch, flags)
        try:
            size = os.fstat(fd).st_size
            progress(Progress("reading what changed", 0, None, "objects"))
            move = self._planned(plan, held, size, fetcher)
            fetcher.cancel.check()
            note.mark_moving(self.scratch, self._manifest, plan)
            self._manifest = note.read(self.scratch)
            _carry_out(fd, move, progress)
        finally:
            os.close(fd)
        crossed = isinstance(held, Position) and isinstance(move.place, Position)
        self._done(plan, move.place, move.size_pages, crossed and held.index != move.place.index)  # type: ignore[union-attr]
        return move.place, len(move.numbers), move.size_pages

    def _planned(self, plan: Plan, held: Place, size: int, fetcher: Fetcher) -> Move:
        route = plan.route
        if isinstance(route, WalRoute) and isinstance(held, Position):
            wal = self._wal_past(held, route, fetcher)
            self._check_cost(wal.cost(held, route), plan)
            return wal.move(held, size, route)
        if isinstance(route, LtxRoute) and not isinstance(held, Position):
            ltx = self._ltx_past(route, fetcher)
            self._check_cost(ltx.cost(held, route), plan)
            return ltx.move(held, size, route)
        raise NoWay("it is another format's history")

    def _check_cost(self, cost: int, plan: Plan) -> None:
        if cost > plan.fetch_bytes + _SLACK_BYTES:
            raise NoWay("it lies so far away that a restore fetches less")

    def _wal_past(self, held: Position, route: WalRoute, fetcher: Fetcher) -> WalPast:
        past = self._wal
        if past is not None and past.goes_to(held, route):
            past.use(fetcher)
            return past
        self._forget()
        if held.generation != route.run.generation:
            raise NoWay("it is another generation's history")
        first = min(held.index, route.last_index)
        if first < route.run.snapshots[0].index:
            raise NoWay("a hole lies in between")
        bases = [base for base in route.run.snapshots if base.index <= first]
        base = next((base for base in reversed(bases) if WalPast.is_sure(base, route)), bases[-1])
        self._wal = WalPast(route.run, base, fetcher, self.scratch.parent)
        return self._wal

    def _ltx_past(self, route: LtxRoute, fetcher: Fetcher) -> LtxPast:
        if self._ltx is None or self._ltx.lineage != route.lineage:
            self._forget()
            self._ltx = LtxPast(route.lineage, fetcher, self.scratch.parent)
        self._ltx.use(fetcher)
        return self._ltx

    def _forget(self) -> None:
        for past in (self._wal, self._ltx):
            if past is not None:
                past.close()
        self._wal = self._ltx = None

    # Anew

    def _anew(self, plan: Plan, progress: ProgressFn, cancel: CancelToken) -> tuple[Place, int, int]:
        """Restore the state beside the scratch, and put it in the scratch's place."""
        beside = note.staged(self.scratch)
        beside.unlink(missing_ok=True)
        result = restore(
            self._store,
            plan,
            RestoreOptions(beside, parallelism=self._parallelism),
            age_identities=self._identities,
            progress=progress,
            cancel=cancel,
            clock=self._clock,
        )
        note.mark_moving(self.scratch, self._manifest, plan)
        beside.replace(self.scratch)
        fsync_folder(self.scratch.parent)
        self._manifest |= {"continuity": result.continuity, "unproven": list(result.unproven)}
        self._done(result.plan, result.position, result.pages, crossed=False)
        return result.position, result.pages, result.pages

    def _done(self, plan: Plan, place: Place, pages: int, crossed: bool) -> None:
        manifest = self._manifest
        if crossed:
            seams = "it was moved over the ends of WALs, which are the writer's word"
            unproven = list(dict.fromkeys([*manifest.get("unproven", ()), seams]))
            manifest = {**manifest, "continuity": "consistent", "unproven": unproven}
        made = self._clock.now()
        self._manifest = note.mark_moved(self.scratch, manifest, plan, place, pages=pages, made=made)


def _carry_out(fd: int, move: Move, progress: ProgressFn) -> None:
    """Keep what only the file has, then write the pages, and sync; not to be interrupted half-way."""
    for some in _chunks(move.kept, move.page_size):
        images = np.empty((len(some), move.page_size), dtype=np.uint8)
        read_rows(fd, some, images)
        move.images.keep(some, images)
    done = 0
    for some in _chunks(move.numbers, move.page_size):
        images = np.empty((len(some), move.page_size), dtype=np.uint8)
        move.images.read(some, images)
        write_pages(fd, move.page_size, some, [row.data for row in images])
        done += len(some)
        progress(Progress("writing pages", done, len(move.numbers), "pages"))
    os.ftruncate(fd, move.size_pages * move.page_size)
    os.fdatasync(fd)


def _chunks(numbers: U32, page_size: int) -> Iterator[U32]:
    most = _CHUNK_BYTES // page_size
    for start in range(0, len(numbers), most):
        yield numbers[start : start + most]
