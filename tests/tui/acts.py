"""Carries out actions of the registry in real situations, and sees to it that each has an effect."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from sqlite_recovery_tui.tui import actions
from sqlite_recovery_tui.tui.actions import Action
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from tests.tui.support import picture, press, settle, table, toasts, type_text, view

Test = Callable[..., Awaitable[None]]
SITUATIONS: dict[str, frozenset[str]] = {}
"""The actions that each test has promised to carry out, by its name."""
DONE: set[str] = set()
"""The actions that the test which runs now has carried out."""


def situation(*action_ids: str) -> Callable[[Test], Test]:
    """Promise that a test carries out these actions, and see to it."""

    def promise(test: Test) -> Test:
        SITUATIONS[test.__name__] = frozenset(action_ids)

        @functools.wraps(test)
        async def kept(*args: Any, **more: Any) -> None:
            DONE.clear()
            await test(*args, **more)
            assert set(action_ids) <= DONE, f"not carried out: {set(action_ids) - DONE}"

        return kept

    return promise


class Actor:
    """Somebody at the console whose every act is noted."""

    def __init__(self, pilot: Pilot[None]) -> None:
        """Sit down at a console."""
        self.pilot = pilot
        assert isinstance(pilot.app, Console)
        self.console: Console = pilot.app

    @property
    def cursor(self) -> object:
        """Where the first table's cursor stands."""
        shown = table(self.pilot)
        return shown.cursor, shown.column

    @property
    def looks(self) -> list[str]:
        """What is on the terminal, the bar above aside."""
        return picture(self.pilot).splitlines()[1:]

    @property
    def focus(self) -> object:
        """Who has the focus."""
        return self.pilot.app.focused

    @property
    def typed(self) -> str:
        """What stands in the field in front."""
        field = self.pilot.app.focused
        assert isinstance(field, Input)
        return field.value

    async def go(self, *keys: str) -> None:
        """Go where the next act is possible."""
        await press(self.pilot, *keys)

    async def type(self, words: str) -> None:
        """Put words into the field in front, instead of what it holds."""
        await press(self.pilot, "home", "ctrl+k")
        await type_text(self.pilot, words)

    async def do(
        self,
        action_id: str,
        *,
        key: str = "",
        leads: str = "",
        shows: str = "",
        says: str = "",
        copies: str = "",
        changes: str | Callable[[], Any] = "",
    ) -> None:
        """Press the key of an action and see what it promises.

        `leads` to a view, `shows` words, `says` a notice, `copies` words, or `changes` an attribute of this
        actor or what a function returns.
        """
        assert leads or shows or says or copies or changes, "an act without an effect proves nothing"
        action = actions.BY_ID[action_id]
        self._is_offered(action)
        before = self._state(changes) if changes else None
        self.console.clear_notifications()
        await self.pilot.pause()
        await self.pilot.press(key or action.keys.split()[0])
        await settle(self.pilot)
        if leads:
            assert view(self.pilot) == leads, (action_id, view(self.pilot), toasts(self.pilot))
        if shows:
            assert shows in picture(self.pilot), (action_id, picture(self.pilot))
        if says:
            assert any(says in said for said in toasts(self.pilot)), (action_id, toasts(self.pilot))
        if copies:
            assert copies in self.console.clipboard, (action_id, self.console.clipboard)
        if changes:
            assert self._state(changes) != before, (action_id, before, toasts(self.pilot))
        DONE.add(action_id)

    async def note(self, action_id: str) -> None:
        """Note an act that was carried out while work went on: now it has nothing left to do."""
        await settle(self.pilot)
        shown = self.pilot.app.screen
        assert isinstance(shown, ConsoleScreen)
        assert shown.why_not(actions.BY_ID[action_id]) is not None
        DONE.add(action_id)

    def _is_offered(self, action: Action) -> None:
        """What a screen is asked for must be possible there; its parts and dialogs have keys of their own."""
        shown = self.pilot.app.screen
        if isinstance(shown, ConsoleScreen) and action.view in (shown.VIEW, actions.EVERYWHERE, actions.AREA):
            assert shown.why_not(action) is None, (action.id, shown.why_not(action))

    def _state(self, changes: str | Callable[[], Any]) -> Any:
        return getattr(self, changes) if isinstance(changes, str) else changes()


def missing() -> list[str]:
    """Return the actions of the registry that have no situation."""
    promised = frozenset[str]().union(*SITUATIONS.values())
    return [action.id for action in actions.ACTIONS if action.id not in promised]
