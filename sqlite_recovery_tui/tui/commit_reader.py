"""The commits inside stored objects, read when somebody steps through them, the last few remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.domain import StoredObject, WalSegment
from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.tui import replica_work
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue, Request

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.restore.commits import ObjectCommits
    from sqlite_recovery_tui.tui.state import Place

_REMEMBERED = 64
"""Objects whose commits are kept: stepping back reads nothing again."""


class CommitReader:
    """Reads one object at a time; what is asked for next takes the place of what is under way."""

    def __init__(self, engine: Engine, owner: Owner, place: Place) -> None:
        """Read objects of `place` on behalf of `owner`."""
        self._engine = engine
        self._owner = owner
        self._place = place
        self._known: OrderedDict[str, ObjectCommits | RecoverError] = OrderedDict()
        self._request: Request[Any] | None = None
        self.reading: str | None = None
        """Key of the object that is being read."""

    def of(self, item: StoredObject) -> ObjectCommits | RecoverError | None:
        """Return what is known of an object; None while it was not read."""
        return self._known.get(item.key)

    def ask(self, item: WalSegment, timeline: Timeline, then: Callable[[], None]) -> None:
        """Read an object, and call `then` when that ended either way."""
        if self.reading == item.key:
            return
        self.drop()
        self.reading = item.key

        def done(outcome: ObjectCommits | RecoverError) -> None:
            self.reading = None
            if not isinstance(outcome, Cancelled):
                self._remember(item.key, outcome)
            then()

        self._request = self._engine.ask(
            Queue.THINK,
            self._owner,
            lambda report: replica_work.commits(self._place, timeline, item, report),
            then=done,
            failed=done,
        )

    def drop(self) -> None:
        """Read no further."""
        self._engine.drop(self._request)
        self._request, self.reading = None, None

    def _remember(self, key: str, outcome: ObjectCommits | RecoverError) -> None:
        self._known[key] = outcome
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
