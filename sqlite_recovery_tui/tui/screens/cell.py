"""One value of a row: as text, as JSON, in hexadecimal, piece by piece however large it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.cell_forms import Forms, dates_of, forms_of, text_of
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.image_kind import picture_of
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.sources import Source
from sqlite_recovery_tui.tui.widgets.hex_view import HexView
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, MadeSource, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import Cell as Value
    from sqlite_recovery_tui.sqlite.values import Spot, ValuePiece

PIECE_BYTES = 1 << 20
NO_TEXT = "no text: these bytes are not UTF-8"
_LINE = (Column("line", "", grow=True, most=10_000),)


@dataclass(frozen=True, slots=True)
class Piece:
    """What of the value is on screen."""

    data: bytes
    text: str
    first: int
    size: int
    forms: Forms


class CellScreen(ConsoleScreen):
    """One value, in the form that suits it."""

    VIEW = "cell"
    ABOUT = "Read one value in full: as text, as JSON, in hexadecimal; save it to a file."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("cell")]
    CSS_PATH = ["base.tcss", "workbench.tcss"]

    def __init__(
        self, subject: str, spot: Spot, cell: Value, source: Source, seconds: float | None = None
    ) -> None:
        """Show the value at `spot` of the database called `subject`; `cell` is its beginning.

        A statement that has to be run again may take `seconds`.
        """
        super().__init__()
        self.subject, self.spot, self.cell, self.source, self.seconds = subject, spot, cell, source, seconds
        self.piece: Piece | None = None
        self.form = "text"
        self._request: Request[Piece] | None = None

    def body(self) -> Iterable[Widget]:
        yield Static("", id="cell-title", classes="title")
        yield Static("", id="cell-facts")
        yield Problem()
        lines = RecordTable(_LINE, id="cell-lines", empty="reading…")
        yield lines
        yield HexView(id="cell-bytes")

    @property
    def crumb(self) -> str:
        return text.safe(self.spot.name, 30)

    @property
    def has_bytes(self) -> bool:
        return self.cell.type in ("text", "blob")

    def facts(self) -> Iterator[str]:
        if self.has_bytes:
            yield "bytes"
        if self.piece is not None and self.piece.first + len(self.piece.data) < self.piece.size:
            yield "more"
        if self.piece is not None and self.piece.first:
            yield "before"

    def copyable(self) -> str | None:
        if not self.has_bytes:
            return self.cell.text
        if self.piece is None:
            return None
        return self.piece.text if self.piece.text and self.form != "hex" else self.piece.data.hex()

    # reading

    def on_mount(self) -> None:
        self.query_one(HexView).display = False
        self.form = "hex" if self.cell.type == "blob" else "text"
        if self.has_bytes:
            # Only once there is a width to break lines at.
            self.call_after_refresh(self._read, 0)
        else:
            self.piece = Piece(b"", self.cell.text, 0, 0, Forms((self.cell.text,)))
        self.redraw()

    def on_unmount(self) -> None:
        self.console.engine.drop(self._request)

    def _read(self, first: int) -> None:
        width = max(20, self.size.width - 4)

        def work(report: Report) -> Piece:
            piece = self.source.inspector(Queue.BROWSE, report).value(
                self.spot,
                first=first,
                size=PIECE_BYTES,
                seconds=self.seconds if self.spot.sql else None,
                progress=report.progress,
                cancel=report.cancel,
            )
            return _shown(piece, width)

        self.console.engine.drop(self._request)
        self._request = self.console.engine.ask(
            Queue.BROWSE, self, work, then=self._came, failed=self._failed, progress=self._advanced
        )

    def _advanced(self, progress: Progress) -> None:
        table = self.query_one(RecordTable)
        table.empty = f"{progress.phase}…"
        table.redraw()

    def _came(self, piece: Piece) -> None:
        if self.piece is None and piece.forms.json and self.cell.type == "text":
            self.form = "json"
        self.piece = piece
        self.query_one(HexView).show(piece.data, start=piece.first)
        self.redraw()

    def _failed(self, error: RecoverError) -> None:
        self.query_one(RecordTable).empty = ""
        self.query_one(Problem).show(error)
        self.redraw()

    # drawing

    def redraw(self) -> None:
        self.query_one("#cell-title", Static).update(self._title())
        facts = text.lines(*self._facts())
        self.query_one("#cell-facts", Static).update(facts)
        lines, view = self.query_one("#cell-lines", RecordTable), self.query_one(HexView)
        is_hex = self.form == "hex" and self.has_bytes
        had_focus = self.focused in (lines, view, None)
        lines.display, view.display = not is_hex, is_hex
        if had_focus:
            self.set_focus(view if is_hex else lines)
        if self.piece is not None and not is_hex:
            shown = self.piece.forms.json if self.form == "json" else self.piece.forms.text
            lines.reload(MadeSource(range(len(shown)), lambda number: _row(number, shown)))
        self.refresh_frame()

    def _title(self) -> Content:
        size = f" of {phrases.size(self.cell.size_bytes)}" if self.cell.size_bytes else ""
        where = self.spot.table or "the answer"
        return text.line(
            (self.spot.name, "bold $text-primary"),
            f"  {self.cell.type}{size}",
            (f"  row {self.spot.row + 1:,} of {where} · {self.subject}", text.MUTED),
        )

    def _facts(self) -> Iterator[Content]:
        piece = self.piece
        shown = {"text": "text", "json": "JSON", "hex": "hexadecimal"}[self.form]
        words: list[text.Part] = [(f" as {shown}", "$text-primary")] if self.has_bytes else []
        if piece is not None and len(piece.data) < piece.size:
            end = piece.first + len(piece.data)
            words.append((f"  bytes {piece.first:,}–{end:,} of {piece.size:,}", "$text-warning"))
        if piece is not None and not piece.first and (picture := picture_of(piece.data)) is not None:
            words.append((f"  {picture.words}", ""))
        yield text.line(*words)
        if isinstance(self.cell.value, int | float):
            for date in dates_of(self.cell.value):
                yield text.line((" may mean ", text.MUTED), date)

    # actions

    @property
    def forms(self) -> list[str]:
        """The forms there are for this value, in the order of the key."""
        has_json = self.piece is not None and self.piece.forms.json
        return ["text", *(["json"] if has_json else []), "hex"]

    def do_form(self) -> None:
        if not self.has_bytes:
            self.say("There is only one form of it")
            return
        forms = self.forms
        self.form = forms[(forms.index(self.form) + 1) % len(forms)] if self.form in forms else forms[0]
        self.redraw()

    def do_more(self) -> None:
        if self.piece is not None:
            self._read(self.piece.first + len(self.piece.data))

    def do_before(self) -> None:
        if self.piece is not None:
            self._read(max(0, self.piece.first - PIECE_BYTES))

    def do_save(self) -> None:
        from sqlite_recovery_tui.tui.screens.workbench_export import SaveDialog, start_saving

        def chosen(output: Path | None) -> None:
            if output is not None:
                start_saving(self.console, self.subject, self.source, self.spot, output)

        heading = text.line("save ", self.spot.name, (f" ({phrases.size(self.cell.size_bytes)})", text.MUTED))
        self.console.push_screen(SaveDialog(heading, Path(self._file_name())), chosen)

    def _file_name(self) -> str:
        picture = picture_of(self.piece.data) if self.piece is not None and not self.piece.first else None
        end = picture.kind.lower() if picture is not None else "txt" if self.cell.type == "text" else "bin"
        letters = (
            each if each.isascii() and (each.isalnum() or each == "_") else "-" for each in self.spot.name
        )
        return f"{''.join(letters).strip('-')[:40] or 'value'}-{self.spot.row + 1}.{end}"


def _shown(piece: ValuePiece, width: int) -> Piece:
    """Put a piece into every form; called in a thread."""
    words = piece.text if piece.type == "text" else text_of(piece.data)
    forms = Forms((NO_TEXT,)) if words is None else forms_of(words, width, whole=piece.is_whole)
    return Piece(piece.data, words or "", piece.first, piece.size_bytes, forms)


def _row(number: int, lines: tuple[str, ...]) -> Row:
    return Row(number, (Cell(lines[number]),), wide=True)
