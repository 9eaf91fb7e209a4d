"""Keeps every replica's listing: starts scans, takes what arrives, tells the screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import work
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState


class Listings:
    """The places of this session, in the order of the configuration."""

    def __init__(self, engine: Engine, owner: Owner, clock: Clock, changed: Callable[[Place], None]) -> None:
        """Ask `engine` on behalf of `owner`; call `changed` with every place that has news."""
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._changed = changed
        self.places: list[Place] = []

    def hold(self, refs: Sequence[ReplicaRef]) -> None:
        """Hold these replicas instead of the ones before; nothing is listed yet."""
        for place in self.places:
            self._engine.drop(place.request)
        self.places = [Place(ref) for ref in refs]

    def siblings(self, place: Place) -> tuple[Place, ...]:
        """Return every replica of the same database, `place` among them."""
        database = place.ref.database
        if database is None:
            return (place,)
        return tuple(each for each in self.places if each.ref.database is database) or (place,)

    def refresh(self, places: Sequence[Place] | None = None) -> None:
        """List these places again (None: all); what is known stays until something newer arrives."""
        for place in self.places if places is None else places:
            self._list(place)

    def _list(self, place: Place) -> None:
        self._engine.drop(place.request)

        def take(state: ReplicaState) -> None:
            had_more = place.state is not None and place.state.complete and not state.complete
            if not had_more:
                place.state = state
            self._changed(place)

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
            lambda report: work.scan(place.ref, self._clock, report),
            then=take,
            failed=failed,
            partial=take,
        )
        self._changed(place)
