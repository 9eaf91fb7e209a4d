"""One page of a stored object: what it is, whose it is, its cells, and every byte of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.errors import Cancelled, NotFoundError, RecoverError
from sqlite_recovery_tui.tui import actions, phrases, text, wording
from sqlite_recovery_tui.tui.command import show_line
from sqlite_recovery_tui.tui.dissection import Dissection, open_page, whose
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.screens import page_words
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.fact_sheet import FactSheet
from sqlite_recovery_tui.tui.widgets.hex_view import HexView
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import ListSource

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.belonging import Belonging
    from sqlite_recovery_tui.anatomy.cells import Cell
    from sqlite_recovery_tui.anatomy.describe import Found


class PageScreen(ConsoleScreen):
    """One page image; on a low terminal either its cells or its bytes are in view."""

    VIEW = "page"
    ABOUT = "Read one page: what it is, which table or index it belongs to, its cells, and every byte of it."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("page")]
    CSS_PATH = ["base.tcss", "page.tcss"]
    AUTO_FOCUS = "#bytes"

    def __init__(self, dissection: Dissection, number: int, known: Belonging | None) -> None:
        """Show image `number` of an object; `known` tells whose its pages are, None: nobody has asked."""
        super().__init__()
        self.dissection, self.number, self.known = dissection, number, known
        self.found: Found | None = None
        self._reading: Request[Any] | None = None
        self._asking: Request[Any] | None = None
        self._whose = "…"

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel"):
            yield FactSheet(label_width=12, id="facts")
        yield Problem()
        with Container(id="panes"):
            yield RecordTable(id="cells", empty="no cells")
            yield HexView(id="bytes", empty="")
        yield Static(id="spot")

    @property
    def crumb(self) -> str:
        return page_words.place_name(self.dissection.anatomy, self.number)

    @property
    def cells(self) -> RecordTable:
        return self.query_one("#cells", RecordTable)

    @property
    def bytes(self) -> HexView:
        return self.query_one("#bytes", HexView)

    @property
    def page_number(self) -> int:
        """The number of the page in its database."""
        return page_words.number_at(self.dissection.anatomy, self.number)

    @property
    def cell(self) -> Cell | None:
        """The cell that the cursor stands on, in the list or in the bytes."""
        if self.found is None:
            return None
        page = self.found.page
        if self.focused is self.cells:
            return next((cell for cell in page.cells if cell.number == self.cells.current_key), None)
        at = self.bytes.cursor
        return next((cell for cell in page.cells if cell.start <= at < cell.end), None)

    def facts(self) -> Iterator[str]:
        if self.number > 0:
            yield "earlier-page"
        if self.number + 1 < self._count:
            yield "later-page"
        if self.found is not None:
            yield "page-read"
            if self.found.page.cells:
                yield "cells"
            if (cell := self.cell) is not None and (cell.child or cell.overflow):
                yield "leads-on"

    @property
    def _count(self) -> int:
        from sqlite_recovery_tui.anatomy.describe import page_places

        return page_places(self.dissection.anatomy)

    def copyable(self) -> str | None:
        return str(self.page_number)

    def copies(self) -> Iterator[tuple[str, str]]:
        yield "page number", str(self.page_number)
        if self.found is not None:
            yield "place", f"{self.dissection.item.key}: {self.found.place}"
            if (cell := self.cell) is not None and (values := self.found.page.values(cell)):
                yield "values", values
        yield "object", self.dissection.item.key
        yield "command", self.equivalent()

    def equivalent(self) -> str:
        settings = self.console.settings
        config = settings.file if settings is not None else None
        bench = self.dissection.bench
        item = self.dissection.item
        which = ("-frame", self.number) if isinstance(item, WalSegment) else ("-page", self.page_number)
        return show_line(bench.place, item, config=config, which=which)

    def on_mount(self) -> None:
        self._read(self.number)

    def on_unmount(self) -> None:
        self.console.engine.drop(self._reading)
        self.console.engine.drop(self._asking)

    # reading

    def _read(self, number: int) -> None:
        """Take another page image of the object apart."""
        dissection, known = self.dissection, self.known
        self.number = number
        self.query_one(Problem).show(None)
        self.console.engine.drop(self._reading)
        self._reading = self.console.engine.ask(
            Queue.SCAN,
            self,
            lambda report: open_page(dissection, number, known, report),
            then=self._taken_apart,
            failed=self._failed,
        )
        self._tell_whose()
        self.refresh_frame()

    def _taken_apart(self, found: Found) -> None:
        self.found = found
        page = found.page
        self.set_class(not page.cells, "-plain")
        if not page.cells and self.focused is self.cells:
            self.set_class(False, "-cells")
            self.set_focus(self.bytes)
        self.cells.show(*page_words.cell_table(page))
        self.bytes.show(page.image, regions=page_words.regions(page))
        self._describe()
        self.refresh_frame()

    def _failed(self, error: RecoverError) -> None:
        if isinstance(error, Cancelled):
            return
        self.found = None
        self.query_one("#facts", FactSheet).show([("belongs to", self._whose)])
        self.cells.show((), ListSource())
        self.bytes.show(b"")
        self.query_one(Problem).show(error, [way("[ ]", "look at another page"), way("esc", "leave it")])
        self.refresh_frame()

    def _tell_whose(self) -> None:
        """Say whose the page is, and find out first where nobody has."""
        if self.known is not None:
            self._whose = self.known.words(self.page_number)
        elif self._asking is None:
            dissection = self.dissection
            self._asking = self.console.engine.ask(
                Queue.SCAN,
                self,
                lambda report: whose(dissection, report),
                then=self._told_whose,
                failed=self._not_told,
            )

    def _told_whose(self, known: Belonging) -> None:
        self.known = known
        self._read(self.number)

    def _not_told(self, error: RecoverError) -> None:
        self._whose = f"not known: {error.message}"
        self._describe()

    # words

    def redraw(self) -> None:
        self._describe()

    def _describe(self) -> None:
        if self.found is not None:
            told = page_words.facts(self.found, self.dissection.anatomy, self._whose)
            self.query_one("#facts", FactSheet).show(list(told))

    @on(HexView.Moved)
    def _byte_chosen(self) -> None:
        """Say what the byte under the cursor belongs to."""
        view = self.bytes
        spot = self.query_one("#spot", Static)
        if self.found is None or not len(view.data):
            spot.update("")
            return
        region = view.region_at(view.cursor)
        byte = view.data[view.cursor]
        what = f" · {region.title}" if region is not None else ""
        where = f"byte {view.cursor:,} (0x{view.cursor:x})"
        spot.update(text.line((where, "bold"), f" = {byte} 0x{byte:02x}", (what, "$text-primary")))
        self.call_later(self.refresh_frame)

    @on(RecordTable.Moved, "#cells")
    def _cell_chosen(self) -> None:
        """Show the bytes of the cell that is selected in the list."""
        if self.focused is self.cells and (cell := self.cell) is not None:
            self.bytes.move_to(cell.start, lead=True)

    # actions

    def do_cells(self) -> None:
        to_cells = self.focused is not self.cells
        self.set_class(to_cells, "-cells")
        self.set_focus(self.cells if to_cells else self.bytes)
        if to_cells:
            self._cell_chosen()

    def do_follow(self) -> None:
        if (cell := self.cell) is not None:
            self._go_to(cell.child or cell.overflow)

    def do_right(self) -> None:
        page = self.found.page if self.found is not None else None
        if page is None:
            return
        links = [part for part in page.parts if part.name == "link"]
        following = page.btree.right_child if page.btree is not None else 0
        if page.btree is None and links:
            following = int.from_bytes(page.image[:4], "big")
        if following:
            self._go_to(following)
        else:
            self.say("This page leads to no other")

    def _go_to(self, page: int) -> None:
        """Show a page by its number, where the object has it."""
        from sqlite_recovery_tui.anatomy.describe import place_of_page

        try:
            self._read(place_of_page(self.dissection.anatomy, page))
        except NotFoundError as error:
            self.say(f"{phrases.short_ids(wording.words(error))}", bad=True)

    def do_previous(self) -> None:
        if self.number > 0:
            self._read(self.number - 1)

    def do_next(self) -> None:
        if self.number + 1 < self._count:
            self._read(self.number + 1)
