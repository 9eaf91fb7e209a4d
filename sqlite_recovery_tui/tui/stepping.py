"""A scratch that is stepped through the commits of its replica, one at a time, in the background."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_recovery_tui.domain import Position, Txid
    from sqlite_recovery_tui.history.entry import Entry
    from sqlite_recovery_tui.restore.travel import Moved, Travel
    from sqlite_recovery_tui.storage.base import Store
    from sqlite_recovery_tui.tui.engine import Report
    from sqlite_recovery_tui.tui.records import Records


@dataclass(frozen=True)
class Stepped:
    """Where a step led, and what is known of that state."""

    moved: Moved
    continuity: str
    unproven: tuple[str, ...]

    @property
    def time(self) -> datetime:
        return self.moved.plan.point.time


class Stepping:
    """One scratch and its way through history; every method runs in a worker's thread."""

    def __init__(self, scratch: Path, places: Sequence[Place], clock: Clock, history: Records) -> None:
        """Step `scratch` along whichever of `places` it was restored from; nothing is opened yet.

        The way as a whole is one act in the `history`.
        """
        self._scratch = scratch
        self._places = tuple(places)
        self._clock = clock
        self._history = history
        self._act: Entry | None = None
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._travel: Travel | None = None

    def step(self, step: int, report: Report) -> Stepped:
        """Move one commit back (-1) or on (1).

        Raises `NotFoundError` at the end of the history, and what a move raises.
        """
        from sqlite_recovery_tui.restore.travelling import note
        from sqlite_recovery_tui.verify.stops import Line, neighbour

        with self._lock:
            manifest = note.read(self._scratch)
            place, timeline = self._place_of(manifest)
            travel, store = self._opened(place)
            held = note.held(manifest)
            if held is None:
                raise NotFoundError(
                    "it is not known exactly which state this is",
                    hint="restore another one from the timeline",
                )
            found = neighbour(
                store, timeline, held, step, identities=place.ref.identities, cancel=report.cancel
            )
            if found is None:
                end = "oldest" if step < 0 else "newest"
                raise NotFoundError(f"This is the {end} commit of this history")
            line = Line(timeline, place.ref.database_name, place.replica, place.url)
            moved = travel.move(line.plan(found), progress=report.progress, cancel=report.cancel)
            after = note.read(self._scratch)
            self._record(place, held, moved)
        unproven = tuple(map(str, after.get("unproven") or ()))
        return Stepped(moved, str(after.get("continuity") or "consistent"), unproven)

    def _record(self, place: Place, held: Position | Txid, moved: Moved) -> None:
        """Write down how far it went; the same act after each step."""
        from sqlite_recovery_tui import __version__
        from sqlite_recovery_tui.history.entry import Entry
        from sqlite_recovery_tui.history.process import who

        now = self._clock.now()
        act = self._act or Entry(
            kind="scratch-move",
            started=now,
            version=__version__,
            database=place.ref.database_name,
            replica=place.replica,
            url=place.url,
            output=str(self._scratch),
            results={"from": str(held), "steps": 0},
            **who(),
        )
        act = replace(
            act,
            ended=now,
            outcome="ok",
            position=str(moved.place),
            point_time=moved.plan.point.time,
            results={**act.results, "steps": act.results["steps"] + 1},
        )
        number = self._history.ledger.record(act)
        self._act = act if number is None else replace(act, id=number)

    def close(self) -> None:
        """Let go of what was kept for further steps."""
        with self._lock:
            if self._travel is not None:
                self._travel.close()
            if self._store is not None:
                self._store.close()
            self._travel = self._store = None

    def _place_of(self, manifest: dict[str, Any]) -> tuple[Place, Any]:
        url = manifest.get("url")
        place = next((place for place in self._places if place.url == url), None)
        if place is None or place.timeline is None:
            raise NotFoundError(
                f"its replica {url} is not listed here",
                hint="open the console on that replica, and try again",
            )
        return place, place.timeline

    def _opened(self, place: Place) -> tuple[Travel, Store]:
        from sqlite_recovery_tui.restore.travel import Travel
        from sqlite_recovery_tui.storage.open import open_store

        if self._store is None:
            self._store = open_store(place.ref.replica, clock=self._clock)
        if self._travel is None:
            self._travel = Travel(
                self._store, self._scratch, identities=place.ref.identities, clock=self._clock
            )
        return self._travel, self._store


def is_scratch(path: Path) -> bool:
    """Tell whether a file lies beside a manifest, as scratches do."""
    from sqlite_recovery_tui.restore.scratch import MANIFEST

    return (path.parent / MANIFEST).is_file()
