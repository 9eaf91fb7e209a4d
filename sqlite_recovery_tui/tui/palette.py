"""The command palette: every action that applies here, with its key and, if it cannot be used, why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from sqlite_recovery_tui.tui import actions, text
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
        here = self._actions()
        for action in here:
            score = matcher.match(f"{action.description} {action.label} {action.group}")
            if score > 0:
                title, help_text = self._words(action)
                yield Hit(1 + score, title, self._do(action), text=action.description, help=help_text)
        for action in _elsewhere(here):
            score = matcher.match(f"{action.description} {action.label}")
            if score > 0:
                where = f"not here: a key of the view “{action.view}”"
                title = _title(action, text.FAINT)
                yield Hit(score, title, self._say(where), text=action.description, help=_below(where))

    def _actions(self) -> list[Action]:
        if not isinstance(self.screen, ConsoleScreen):
            return []
        return [action for action in self.screen.offered() if action.id != "app.palette"]

    def _words(self, action: Action) -> tuple[Content, str]:
        assert isinstance(self.screen, ConsoleScreen)
        reason = self.screen.why_not(action)
        title = _title(action, text.FAINT if reason else "")
        return title, _below(f"not now: {reason}") if reason else ""

    def _do(self, action: Action) -> partial[None]:
        console = cast("Console", self.app)
        assert isinstance(self.screen, ConsoleScreen)
        return partial(console.act_on, self.screen, action)

    def _say(self, words: str) -> partial[None]:
        return partial(cast("Console", self.app).say, words)


def _title(action: Action, style: str) -> Content:
    return text.line(
        (text.fit(action.shown_key, KEY_CELLS), "bold $text-primary"), (action.description, style)
    )


def _below(words: str) -> str:
    return f"{' ' * KEY_CELLS}{words}"


def _elsewhere(here: list[Action]) -> list[Action]:
    """Return the actions of other views that nothing here does."""
    done = {action.description for action in here}
    moving = (actions.TABLE, actions.SHEET, *actions.DIALOGS)
    views = {action.view for action in here}
    found = {
        action.description: action
        for action in actions.ACTIONS
        if action.view not in moving and action.view not in views and action.description not in done
    }
    return list(found.values())
