"""One stored object taken apart: its transactions and frames, or its pages, and what is wrong where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from sqlite_recovery_tui.domain import Snapshot, StoredObject, WalSegment
from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.command import show_line
from sqlite_recovery_tui.tui.dissection import Bench, Dissection, dissect, whose
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.screens import object_words
from sqlite_recovery_tui.tui.screens.filtered import FilteredScreen
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.filter import FilterBar
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.sift import Entries, Listed

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.belonging import Belonging
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.screens.object_rows import Lines, Listing


class ObjectScreen(FilteredScreen):
    """A snapshot, a WAL segment or an LTX file."""

    VIEW = "object"
    ABOUT = "See what one stored object is made of, whether its checksums hold, and what is wrong where."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("object")]
    CSS_PATH = ["base.tcss", "object.tcss"]
    AUTO_FOCUS = "RecordTable"

    def __init__(self, place: Place, timeline: Timeline, item: StoredObject) -> None:
        """Take `item` of `place` apart."""
        super().__init__()
        self.place, self.item, self._timeline = place, item, timeline
        self.found: Dissection | None = None
        self.known: Belonging | None = None
        self.listing: Listing = "pages"
        self._lines: Lines | None = None
        self._reading: Request[Any] | None = None
        self._asking: Request[Any] | None = None
        self._progress: Progress | None = None
        self._whose_words = "…"

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="about", classes="panel"):
            yield FactSheet(label_width=12, id="facts")
        yield Problem()
        yield FilterBar()
        yield RecordTable(id="parts", empty="reading…")

    @property
    def crumb(self) -> str:
        return object_words.name(self.item)

    @property
    def parts(self) -> RecordTable:
        return self.query_one("#parts", RecordTable)

    @property
    def selected(self) -> int | None:
        """The number of the transaction, frame or page under the cursor."""
        key = self.parts.current_key
        return key if isinstance(key, int) else None

    def facts(self) -> Iterator[str]:
        if self.selected is not None:
            yield "row"
        if isinstance(self.item, WalSegment):
            yield "frames"
        if self.found is not None:
            yield "dissected"
            if not self.found.whole:
                yield "unread"
            if self.found.earlier is not None:
                yield "earlier-object"
            if self.found.later is not None:
                yield "later-object"

    def copyable(self) -> str | None:
        return self.item.key

    def copies(self) -> Iterator[tuple[str, str]]:
        yield "object", self.item.key
        if not isinstance(self.item, Snapshot):
            yield "position", str(self.item.position)
        number, page = self.selected, self._page_number()
        if number is not None and page is not None:
            yield "page number", str(page)
        yield "command", self.equivalent()

    def equivalent(self) -> str:
        settings = self.console.settings
        return show_line(self.place, self.item, config=settings.file if settings is not None else None)

    def on_mount(self) -> None:
        self._read(self.item)

    def on_unmount(self) -> None:
        self.console.engine.drop(self._reading)
        self.console.engine.drop(self._asking)

    # reading

    def _read(self, item: StoredObject, *, whole: bool | None = None) -> None:
        """Take an object apart in the background; what was shown of another one goes."""
        engine, bench = self.console.engine, self._bench()
        for request in (self._reading, self._asking):
            engine.drop(request)
        self.item, self.found, self.known, self._lines = item, None, None, None
        self._progress, self._whose_words = None, "…"
        self.query_one(Problem).show(None)
        self.parts.empty = "reading…"
        self.parts.show((), Listed((), ()).source(None))
        self.filter_bar.count(0, 0)
        self._describe()
        self._reading = engine.ask(
            Queue.SCAN,
            self,
            lambda report: dissect(bench, item, bench.reads_whole(item) if whole is None else whole, report),
            then=self._taken_apart,
            failed=self._failed,
            progress=self._advanced,
        )
        self.refresh_frame()

    def _bench(self) -> Bench:
        return Bench(self.place, self._timeline, self.console.scratch_dir, self.console.clock)

    def _taken_apart(self, found: Dissection) -> None:
        from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy

        self.found, anatomy = found, found.anatomy
        is_segment = isinstance(anatomy, SegmentAnatomy)
        self.listing = "pages"
        if isinstance(anatomy, SegmentAnatomy):
            self.listing = "transactions" if anatomy.transactions > 1 else "frames"
        self.parts.empty = "There is nothing in it." if is_segment else "There is no page in it."
        self._show_list()
        self._describe()
        self.refresh_frame()
        self._asking = self.console.engine.ask(
            Queue.SCAN,
            self,
            lambda report: whose(found, report),
            then=self._told_whose,
            failed=self._not_told,
        )

    def _told_whose(self, known: Belonging) -> None:
        self.known = known
        self._whose_words = known.as_of if known.census is not None else f"not known: {known.why}"
        if self.listing != "transactions":
            self._show_list(keep=True)
        self._describe()

    def _not_told(self, error: RecoverError) -> None:
        if not isinstance(error, Cancelled):
            self._whose_words = f"not known: {error.message}"
            self._describe()

    def _failed(self, error: RecoverError) -> None:
        if isinstance(error, Cancelled):
            return
        self.parts.empty = ""
        self.parts.redraw()
        self.query_one(Problem).show(error, [way("r", "read it again"), way("esc", "leave it")])
        self._describe()
        self.refresh_frame()

    def _advanced(self, progress: Progress) -> None:
        self._progress = progress
        self._describe()

    # the list

    def entries(self) -> Entries:
        return self._lines.entries if self._lines is not None else Listed((), ())

    def _show_list(self, *, keep: bool = False, at: int | None = None) -> None:
        """Show the list that is chosen, its cursor where it was, or on row `at`."""
        from sqlite_recovery_tui.tui.screens.object_rows import lines

        if self.found is None:
            return
        self._lines = lines(self.found.anatomy, self.listing, self.known)
        if not keep:
            self.sort = None
            self.parts.show(self._lines.columns, Listed((), ()).source(None))
        self.show_entries()
        if at is not None:
            self.parts.move_to_key(at)

    @on(RecordTable.Moved)
    def _moved(self) -> None:
        self.refresh_frame()

    # words

    def redraw(self) -> None:
        self._describe()

    def _describe(self) -> None:
        self.query_one("#facts", FactSheet).show(list(self._words()))

    def _words(self) -> Iterator[Fact]:
        if self.found is not None:
            from sqlite_recovery_tui.tui.screens.object_facts import facts

            yield from facts(self.found.anatomy, self)
            yield "belongs to", text.line((self._whose_words, text.MUTED))
            return
        if self.query_one(Problem).error is None:
            progress = self._progress
            done = (
                f" {phrases.size(progress.done)}" if progress is not None and progress.unit == "bytes" else ""
            )
            total = f" of {phrases.size(progress.total)}" if progress is not None and progress.total else ""
            yield "checksums", text.line(("◌ reading", text.MUTED), (f"{done}{total if done else ''}", ""))
        yield from object_words.stored_facts(self.item, self)

    def _page_number(self) -> int | None:
        """Return the number of the page under the cursor; None on a transaction."""
        from sqlite_recovery_tui.tui.screens.page_words import number_at

        if self.found is None or self.selected is None or self.listing == "transactions":
            return None
        return number_at(self.found.anatomy, self.selected)

    # actions

    def do_open(self) -> None:
        from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy

        if self.found is None or self.selected is None:
            return
        anatomy = self.found.anatomy
        if self.listing == "transactions" and isinstance(anatomy, SegmentAnatomy):
            self._go_into(anatomy.transaction(self.selected).first)
            return
        self.console.open_page(self.found, self.selected, self.known)

    def _go_into(self, frame: int) -> None:
        self.filter_bar.clear()
        self.listing = "frames"
        self._show_list(at=frame)

    def do_frames(self) -> None:
        from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy

        anatomy = self.found.anatomy if self.found is not None else None
        if not isinstance(anatomy, SegmentAnatomy):
            return
        number = self.selected or 0
        if self.listing == "transactions":
            self._go_into(anatomy.transaction(number).first if anatomy.transactions else 0)
        else:
            self.filter_bar.clear()
            self.listing = "transactions"
            self._show_list(at=anatomy.transaction_of(number))

    def do_back(self) -> None:
        """Leave the filter first, then the frames of a segment of several transactions, then the screen."""
        from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy

        anatomy = self.found.anatomy if self.found is not None else None
        within = isinstance(anatomy, SegmentAnatomy) and anatomy.transactions > 1
        if within and self.listing == "frames" and not self.filter_bar.pattern and not self.filter_bar.typing:
            self.do_frames()
        else:
            super().do_back()

    def do_previous(self) -> None:
        if self.found is not None and self.found.earlier is not None:
            self._read(self.found.earlier)

    def do_next(self) -> None:
        if self.found is not None and self.found.later is not None:
            self._read(self.found.later)

    def do_prove(self) -> None:
        self._read(self.item, whole=True)

    def do_refresh(self) -> None:
        self._read(self.item)
