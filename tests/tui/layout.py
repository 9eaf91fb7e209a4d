"""Finds what a person would call broken: things that overlap, stick out, or are cut without a sign of it."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import App
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static
from textual.widgets._toast import ToastRack

from sqlite_recovery_tui.tui.text import width
from sqlite_recovery_tui.tui.widgets.chrome import KeyBar, TopBar
from sqlite_recovery_tui.tui.widgets.fact_sheet import FactSheet
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable


def faults(app: App[None]) -> list[str]:
    """Return what is wrong with the screen in front, in words; nothing when all is well."""
    screen = app.screen
    found = [*_lines(screen), *_overlaps(screen)]
    for widget in _shown(screen):
        found += [*_cut(widget), *_tables(widget), *_bars(widget)]
    return found


def _shown(screen: Screen[object]) -> list[Widget]:
    """Return the widgets that take room, the notices aside."""
    return [
        widget
        for widget in screen.walk_children(Widget)
        if widget.display
        and widget.is_on_screen
        and not any(isinstance(each, ToastRack) or not each.display for each in widget.ancestors_with_self)
    ]


def _scrolls(widget: Widget) -> bool:
    """Tell whether a container above it can be scrolled to see the rest."""
    return any(
        isinstance(each, Widget) and not isinstance(each, Screen) and each.allow_vertical_scroll
        for each in widget.ancestors
    )


def _lines(screen: Screen[object]) -> Iterator[str]:
    """Every line of the terminal is exactly as wide as the terminal."""
    for number, strip in enumerate(screen._compositor.render_strips()):
        if strip.cell_length != screen.size.width or width(strip.text) != screen.size.width:
            yield f"line {number} takes {width(strip.text)} cells of {screen.size.width}: {strip.text!r}"


def _overlaps(screen: Screen[object]) -> Iterator[str]:
    """No two widgets without children lie on one another."""
    leaves = [widget for widget in _shown(screen) if not list(widget.children) and widget.region.area]
    seen: list[tuple[Widget, Region]] = []
    for widget in leaves:
        visible = _visible(widget)
        for other, taken in seen:
            if visible.overlaps(taken) and widget.layer == other.layer:
                yield f"{_name(widget)} {visible} lies on {_name(other)} {taken}"
        seen.append((widget, visible))


def _visible(widget: Widget) -> Region:
    clip = widget.screen._compositor.visible_widgets.get(widget)
    return clip[0].intersection(clip[1]) if clip is not None else Region()


def _cut(widget: Widget) -> Iterator[str]:
    """Text has the height it takes, unless one can scroll to the rest."""
    if not isinstance(widget, Static | FactSheet) or _scrolls(widget) or not widget.region.width:
        return
    room = widget.content_size
    needed = widget.get_content_height(widget.screen.size, widget.screen.size, room.width)
    if needed > room.height:
        yield f"{_name(widget)} shows {room.height} of {needed} lines"
    elif _visible(widget) != widget.region:
        yield f"{_name(widget)} sticks out: {_visible(widget)} of {widget.region}"


def _tables(widget: Widget) -> Iterator[str]:
    """A table without sideways scrolling fits its columns, and has room for a row."""
    if not isinstance(widget, RecordTable):
        return
    room = widget.scrollable_content_region
    last = widget._placed[-1] if widget._placed else None
    if last is not None and not widget.cell_cursor and last.x + last.width > room.width:
        yield f"{_name(widget)} has columns up to {last.x + last.width} in {room.width} cells"
    if widget.source.row_count() and room.height < 2:
        yield f"{_name(widget)} has no room for a row"


def _bars(widget: Widget) -> Iterator[str]:
    if isinstance(widget, TopBar | KeyBar) and widget.render().cell_length > widget.size.width:
        yield f"{_name(widget)} is wider than the terminal"


def _name(widget: Widget) -> str:
    return f"{type(widget).__name__}{'#' + widget.id if widget.id else ''}"
