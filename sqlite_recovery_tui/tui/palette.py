"""The command palette: every action that applies here, with its key and, if it cannot be used, why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from sqlite_recovery_tui.tui import text
from sqlite_recovery_tui.tui.actions import Action
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.app import Console

KEY_CELLS = 9
"""Cells for the key in front of what it does."""


class ActionProvider(Provider):
    """Offers the registry's actions of the screen below the palette."""

    async def discover(self) -> Hits:
        for action in self._actions():
            title, help_text = self._words(action)
            yield DiscoveryHit(title, self._do(action), text=action.description, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._actions():
            score = matcher.match(f"{action.description} {action.label} {action.group}")
            if score > 0:
                title, help_text = self._words(action)
                yield Hit(score, title, self._do(action), text=action.description, help=help_text)

    def _actions(self) -> list[Action]:
        if not isinstance(self.screen, ConsoleScreen):
            return []
        return [action for action in self.screen.offered() if action.id != "app.palette"]

    def _words(self, action: Action) -> tuple[Content, str]:
        assert isinstance(self.screen, ConsoleScreen)
        reason = self.screen.why_not(action)
        style = text.FAINT if reason else ""
        title = text.line(
            (text.fit(action.shown_key, KEY_CELLS), "bold $text-primary"), (action.description, style)
        )
        return title, f"{' ' * KEY_CELLS}not now: {reason}" if reason else ""

    def _do(self, action: Action) -> partial[None]:
        console = cast("Console", self.app)
        assert isinstance(self.screen, ConsoleScreen)
        return partial(console.act_on, self.screen, action)
