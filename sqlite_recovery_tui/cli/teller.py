"""What `restore -f` says: a line or a JSON document for each change, on a terminal a status line too."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.domain import Place, Txid
from sqlite_recovery_tui.words import plural, rfc3339, span

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.follow import FollowState


class Teller:
    """Tells each state of one run; use as a context manager."""

    def __init__(self, session: Session, copy: Path, url: str) -> None:
        """Tell of `copy`, which follows `url`."""
        self._session = session
        self._copy = copy
        self._url = url
        self._told: tuple[object, ...] = ()

    def __call__(self, state: FollowState) -> None:
        """Take the next state."""
        news = (state.position, state.behind, state.problems)
        if news != self._told:
            self._told = news
            self.clear()
            self._say("state", state, _line(state))
        self._session.err.status(f"{self._url}  {_standing(state)}  {plural(state.updates, 'update')}")

    def stopped(self, state: FollowState) -> None:
        """Say how things stand in the end."""
        self.clear()
        self._say("stopped", state, f"stopped: {self._copy} holds {_standing(state)}")

    def clear(self) -> None:
        """Take the status line away."""
        self._session.err.status("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def _say(self, event: str, state: FollowState, text: str) -> None:
        now = self._session.clock.now()
        self._session.out.line(f"{rfc3339(now)}  {text}")
        document: dict[str, Any] = {"event": event, "output": str(self._copy), "url": self._url}
        self._session.out.event({**document, **state.to_json()})
        self._session.out.flush()


def place_words(place: Place) -> str:
    """Name a place in history."""
    return f"TXID {place}" if isinstance(place, Txid) else str(place)


def _line(state: FollowState) -> str:
    """Say where a copy stands, and what keeps it from standing elsewhere."""
    known = f", {place_words(state.behind)} is known" if state.behind is not None else ""
    return ": ".join([_standing(state) + known, *state.problems])


def _standing(state: FollowState) -> str:
    return f"{place_words(state.position)} of {rfc3339(state.time)}, lag {span(round(state.lag_seconds, 1))}"
