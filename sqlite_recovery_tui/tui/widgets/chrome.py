"""What frames every screen: where you are, that nothing is written, and the keys that work here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from sqlite_recovery_tui.tui import text

READ_ONLY = "⊘ read-only"


class TopBar(Widget):
    """Breadcrumbs on the left; running work, the padlock and the clock on the right."""

    DEFAULT_CSS = """
    TopBar {
        dock: top; height: 1; background: $panel; color: $foreground;
    }
    """

    def __init__(self) -> None:
        """Start without crumbs; the screen fills them in."""
        super().__init__()
        self.crumbs: tuple[str, ...] = ()
        self.work = ""
        self.clock = ""
        self._drawn: list[tuple[int | None, Content]] = []

    def show(self, crumbs: Sequence[str], work: str, clock: str) -> None:
        """Show the way here, what runs in the background, and the time."""
        if (tuple(crumbs), work, clock) != (self.crumbs, self.work, self.clock):
            self.crumbs, self.work, self.clock = tuple(crumbs), work, clock
            self.refresh()

    @dataclass
    class CrumbClicked(Message):
        """A breadcrumb was clicked, counted from 0."""

        number: int

    @dataclass
    class WorkClicked(Message):
        """What runs in the background was clicked."""

    def on_click(self, event: events.Click) -> None:
        x = 0
        for number, part in self._drawn:
            x += part.cell_length
            if event.x < x:
                if number is not None:
                    self.post_message(self.CrumbClicked(number))
                return
        if self.work and event.x >= self.size.width - self._right().cell_length:
            self.post_message(self.WorkClicked())

    def render(self) -> Content:
        right = self._right()
        room = self.size.width - right.cell_length - 1
        left = self._left(room)
        return left.pad_right(max(1, self.size.width - left.cell_length - right.cell_length)) + right

    def _left(self, room: int) -> Content:
        """Return brand and crumbs, the first ones left out where there is no room."""
        brand = Content.styled(" sqlrecover ", "bold $background on $primary")
        left = brand
        for start in range(max(1, len(self.crumbs))):
            self._drawn = [(None, brand), *self._trail(start)]
            left = Content("").join(part for _, part in self._drawn)
            if left.cell_length <= room:
                return left
        return left.truncate(max(0, room), ellipsis=True)

    def _trail(self, start: int) -> list[tuple[int | None, Content]]:
        """Return the crumbs from number `start` on, each with its number."""
        arrow = (None, Content.styled("›", text.FAINT))
        parts: list[tuple[int | None, Content]] = [(None, Content(" … ")), arrow] if start else []
        last = len(self.crumbs) - 1
        for number, crumb in enumerate(self.crumbs[start:], start):
            style = "bold" if number == last else text.MUTED
            parts.append((number, text.content(f" {text.safe(crumb)} ", style)))
            parts += [arrow] if number != last else []
        return parts

    def _right(self) -> Content:
        parts = []
        if self.work:
            parts.append(text.content(f" {self.work} ", "$text-accent"))
        parts.append(Content.styled(f" {READ_ONLY} ", "$text-success"))
        if self.size.width >= 60 and self.clock:
            parts.append(text.content(f" {self.clock} ", text.MUTED))
        return Content("").join(parts)


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and what it does here."""

    key: str
    label: str
    action: str
    enabled: bool = True
    keep: bool = False
    """Stays when there is no room for all."""


class KeyBar(Widget):
    """The keys of this view, as many as fit; a click does what the key does."""

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom; height: 1; background: $panel; color: $foreground;
    }
    """

    def __init__(self) -> None:
        """Start empty; the screen fills it in."""
        super().__init__()
        self.hints: tuple[Hint, ...] = ()

    def show(self, hints: Sequence[Hint]) -> None:
        """Show these keys, most important first."""
        if tuple(hints) != self.hints:
            self.hints = tuple(hints)
            self.refresh()

    @property
    def shown(self) -> list[Hint]:
        """The hints there is room for."""
        kept = list(self.hints)
        while len(kept) > 1 and sum(_width(hint) for hint in kept) > self.size.width:
            loose = [hint for hint in kept if not hint.keep]
            kept.remove((loose or kept)[-1])
        return kept

    @dataclass
    class Clicked(Message):
        """A hint was clicked; `action` is what its key does."""

        action: str

    def on_click(self, event: events.Click) -> None:
        x = 0
        for hint in self.shown:
            x += _width(hint)
            if event.x < x:
                if hint.action:
                    self.post_message(self.Clicked(hint.action))
                return

    def render(self) -> Content:
        return Content("").join(_hint(hint) for hint in self.shown)


def _width(hint: Hint) -> int:
    return text.width(hint.key) + text.width(hint.label) + 3


def _hint(hint: Hint) -> Content:
    key = Content.styled(f" {hint.key} ", "bold $text-primary" if hint.enabled else text.FAINT)
    label = Content.styled(f"{hint.label} ", "" if hint.enabled else text.FAINT)
    return key + label
