"""What frames every screen: where you are, whether anything can be changed, and the keys that work here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from sqlite_recovery_tui.tui import text


@dataclass(frozen=True, slots=True)
class Frame:
    """What the bar above a screen shows."""

    crumbs: tuple[str, ...] = ()
    work: str = ""
    """What runs in the background."""
    clock: str = ""
    areas: tuple[tuple[str, str], ...] = ()
    """Digit and title of each area."""
    area: int | None = None
    """Which of them is on screen, counted from 0."""
    lock: str = ""
    locked: bool = True


LONG_CRUMB, SHORT_CRUMB = 20, 10
"""Cells of a breadcrumb where room is short, and where it is very short."""
Piece = tuple[Content, Callable[[], Message] | None]
"""Something on the bar, and what a click on it sends."""


class TopBar(Widget):
    """Breadcrumbs on the left, areas where there is room; running work, the padlock and the clock."""

    DEFAULT_CSS = """
    TopBar {
        dock: top; height: 1; background: $panel; color: $foreground;
        &:ansi { text-style: reverse; }
    }
    """

    def __init__(self) -> None:
        """Start without crumbs; the screen fills them in."""
        super().__init__()
        self.frame = Frame()
        self._drawn: list[Piece] = []

    def show(self, frame: Frame) -> None:
        """Show the way here, what runs in the background, the padlock and the time."""
        if frame != self.frame:
            self.frame = frame
            self.refresh()

    @dataclass
    class CrumbClicked(Message):
        """A breadcrumb was clicked, counted from 0."""

        number: int

    @dataclass
    class AreaClicked(Message):
        """An area was clicked, counted from 0."""

        number: int

    @dataclass
    class WorkClicked(Message):
        """What runs in the background was clicked."""

    @dataclass
    class LockClicked(Message):
        """The padlock was clicked."""

    def on_click(self, event: events.Click) -> None:
        x = 0
        for content, message in self._drawn:
            x += content.cell_length
            if event.x < x:
                if message is not None:
                    self.post_message(message())
                return

    def render(self) -> Content:
        right = self._right()
        room = self.size.width - _cells(right) - 1
        left = self._left(room)
        areas = self._areas()
        if not areas or _cells(left) + _cells(areas) + 2 > room:
            areas = []
        spare = max(1, self.size.width - _cells(left) - _cells(areas) - _cells(right))
        before = spare // 2 if areas else 0
        self._drawn = [*left, _space(before), *areas, _space(spare - before), *right]
        return Content("").join(content for content, _ in self._drawn)

    def _left(self, room: int) -> list[Piece]:
        """Return brand and crumbs: cut in the middle, then the first ones left out, where room is short."""
        brand: Piece = (Content.styled(" sqlrecover ", "bold $background on $primary"), None)
        for most, start in ((0, 0), (LONG_CRUMB, 0), (SHORT_CRUMB, 0), *self._without_the_first()):
            pieces = [brand, *self._trail(start, most)]
            if _cells(pieces) <= room:
                return pieces
        last = self._trail(max(0, len(self.frame.crumbs) - 1), max(4, room - _cells([brand]) - 5))
        return [brand, *last]

    def _without_the_first(self) -> list[tuple[int, int]]:
        return [(SHORT_CRUMB, start) for start in range(1, len(self.frame.crumbs))]

    def _trail(self, start: int, most: int) -> list[Piece]:
        """Return the crumbs from number `start` on, those that lead here in at most so many cells."""
        arrow: Piece = (Content.styled("›", text.FAINT), None)
        pieces: list[Piece] = [(Content(" … "), _crumb_clicked(start - 1)), arrow] if start else []
        last = len(self.frame.crumbs) - 1
        for number, crumb in enumerate(self.frame.crumbs[start:], start):
            style = "bold" if number == last else text.MUTED
            words = text.safe(crumb)
            if most:
                words = text.middle(words, max(most, LONG_CRUMB) if number == last else most)
            pieces.append((text.content(f" {words} ", style), _crumb_clicked(number)))
            pieces += [arrow] if number != last else []
        return pieces

    def _areas(self) -> list[Piece]:
        return [
            (_area(key, title, number == self.frame.area), _area_clicked(number))
            for number, (key, title) in enumerate(self.frame.areas)
        ]

    def _right(self) -> list[Piece]:
        frame = self.frame
        pieces: list[Piece] = []
        if frame.work:
            pieces.append((text.content(f" {frame.work} ", "$text-accent"), self.WorkClicked))
        if frame.lock:
            style = "$text-success" if frame.locked else "bold $background on $warning"
            pieces.append((text.content(f" {frame.lock} ", style), self.LockClicked))
        if self.size.width >= 60 and frame.clock:
            pieces.append((text.content(f" {frame.clock} ", text.MUTED), None))
        return pieces


def _crumb_clicked(number: int) -> Callable[[], Message]:
    return lambda: TopBar.CrumbClicked(number)


def _area_clicked(number: int) -> Callable[[], Message]:
    return lambda: TopBar.AreaClicked(number)


def _area(key: str, title: str, here: bool) -> Content:
    style = "bold" if here else text.MUTED
    return Content.styled(f" {key}", f"{style} $text-primary" if here else text.FAINT) + Content.styled(
        f" {title} ", style
    )


def _space(cells: int) -> Piece:
    return (Content(" " * cells), None)


def _cells(pieces: Sequence[Piece]) -> int:
    return sum(content.cell_length for content, _ in pieces)


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
        &:ansi { text-style: reverse; }
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

    @property
    def _spare(self) -> int:
        return max(0, self.size.width - sum(_width(hint) for hint in self.shown))

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
        return Content("").join(_hint(hint) for hint in self.shown).pad_right(self._spare)


def _width(hint: Hint) -> int:
    return text.width(hint.key) + text.width(hint.label) + 3


def _hint(hint: Hint) -> Content:
    key = Content.styled(f" {hint.key} ", "bold $text-primary" if hint.enabled else text.FAINT)
    label = Content.styled(f"{hint.label} ", "" if hint.enabled else text.FAINT)
    return key + label
