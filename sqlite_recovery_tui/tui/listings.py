"""Keeps every replica's listing: shows the kept one at once, lists anew behind it, tells the screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import scanning
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue
from sqlite_recovery_tui.tui.rhythm import Rhythm
from sqlite_recovery_tui.tui.state import LastListing, Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.scanning import Look


class Listings:
    """The places of this session, in the order of the configuration."""

    def __init__(self, engine: Engine, owner: Owner, clock: Clock, changed: Callable[[Place], None]) -> None:
        """Ask `engine` on behalf of `owner`; call `changed` with every place that has news."""
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._changed = changed
        self._longest = 0.0
        self.places: list[Place] = []
        self.rhythm = Rhythm()

    def hold(self, refs: Sequence[ReplicaRef]) -> None:
        """Hold these replicas instead of the ones before; nothing is listed yet."""
        for place in self.places:
            self._engine.drop(place.request)
        self.places = [Place(ref) for ref in refs]
        self._longest = 0.0

    def siblings(self, place: Place) -> tuple[Place, ...]:
        """Return every replica of the same database, `place` among them."""
        database = place.ref.database
        if database is None:
            return (place,)
        return tuple(each for each in self.places if each.ref.database is database) or (place,)

    def visit(self, ref: ReplicaRef, timeline: Timeline) -> Place:
        """Return the place of a replica that was found by browsing, listed as it was found; list it anew."""
        held = next((place for place in self.places if place.ref.replica == ref.replica), None)
        place = held or Place(ref)
        if place.known is None:
            place.known = LastListing(timeline, self._clock.now())
        if not place.listing and not place.fresh:
            self._list(place)
        return place

    def refresh(self, places: Sequence[Place] | None = None) -> None:
        """List these places again (None: all); what is known stays until something newer arrives."""
        if places is None:
            self.rhythm.began = self._clock.monotonic()
        for place in self.places if places is None else places:
            self._list(place)

    def tick(self) -> None:
        """List everything again when it is time to, unless the last time is not over yet."""
        busy = any(place.listing for place in self.places)
        if not busy and self.rhythm.due(self._clock.monotonic(), self._longest):
            self.refresh()

    @property
    def as_of(self) -> datetime | None:
        """When the listing that is oldest of all that are shown was made; None while one is missing."""
        times = [place.state.as_of if place.state and place.fresh else place.aged for place in self.places]
        return min((time for time in times if time is not None), default=None) if None not in times else None

    def _list(self, place: Place) -> None:
        self._engine.drop(place.request)
        if place.state is None and place.known is None:
            self._show_kept(place)

        def take(state: ReplicaState) -> None:
            had_more = place.state is not None and place.state.complete and not state.complete
            if not had_more:
                place.state = state
            if state.complete and state.timeline is not None:
                place.known = LastListing(state.timeline, state.as_of)
            self._changed(place)

        def done(look: Look) -> None:
            place.beside = look.beside
            self._longest = max(self._longest, look.seconds)
            take(look.state)

        def failed(error: RecoverError) -> None:
            from sqlite_recovery_tui.replica.fleet import ReplicaState

            take(
                ReplicaState(
                    ref=place.ref, timeline=None, error=error, as_of=self._clock.now(), complete=True
                )
            )

        place.request = self._engine.ask(
            Queue.SCAN,
            self._owner,
            lambda report: scanning.look(place.ref, self._clock, report),
            then=done,
            failed=failed,
            partial=take,
        )
        self._changed(place)

    def _show_kept(self, place: Place) -> None:
        """Show what was listed in an earlier session until there is something newer."""

        def take(known: LastListing | None) -> None:
            if known is not None and place.known is None:
                place.known = known
                self._changed(place)

        now = self._clock.now()
        self._engine.ask(
            Queue.THINK,
            self._owner,
            lambda _: scanning.kept(place.ref, now),
            then=take,
            failed=lambda _: None,
        )
