"""Writing rows to a file: where to and in which form is asked here, the work is a job."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.engine import Queue, Report
from sqlite_recovery_tui.tui.jobs import Job
from sqlite_recovery_tui.tui.sources import Source
from sqlite_recovery_tui.tui.widgets.field import Field

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import ExportReport
    from sqlite_recovery_tui.sqlite.save import Wanted
    from sqlite_recovery_tui.sqlite.values import Spot
    from sqlite_recovery_tui.tui.app import Console
    from sqlite_recovery_tui.tui.proof import Subject

FORMS = (".csv", ".json", ".jsonl", ".sql")
_MEANING = {
    ".csv": "CSV: a line of names, then a line for each row; blobs as x'00ff'",
    ".json": 'JSON: an array of objects; blobs as {"blob": "00ff"}',
    ".jsonl": "JSON lines: an object for each row",
    ".sql": "SQL: the table and an INSERT for each row, every value exact",
}


class SaveDialog(ModalScreen[Path | None]):
    """A path to type; no file that is there is ever replaced."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "save"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("save")]

    def __init__(self, heading: Content, path: Path, forms: tuple[str, ...] = ()) -> None:
        """Ask where to write what `heading` says; the end of the name chooses among `forms`."""
        super().__init__()
        self.heading, self.path, self.forms = heading, path, forms

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self.heading, classes="dialog-title")
            yield Field(str(self.path), id="path")
            yield Static("", id="said")
            key = "bold $text-primary"
            form = ((" tab ", key), "form   ") if self.forms else ()
            keys = ((" enter ", key), "write   ", *form, (" esc ", key), "leave")
            yield Static(text.line(*keys), classes="dialog-keys")

    def on_mount(self) -> None:
        self._tell()

    @property
    def chosen(self) -> Path:
        """The path that is typed."""
        return Path(self.query_one(Field).value.strip()).expanduser()

    @property
    def fault(self) -> str:
        """Why nothing can be written there; empty when something can."""
        path = self.chosen
        if not path.name:
            return "type the name of a file"
        if self.forms and path.suffix.lower() not in self.forms:
            return f"let the name end with {', '.join(self.forms[:-1])} or {self.forms[-1]}"
        return ""

    @on(Input.Changed)
    def _tell(self) -> None:
        fault = self.fault
        words = (
            (fault, "$text-warning") if fault else (_MEANING.get(self.chosen.suffix.lower(), ""), text.MUTED)
        )
        self.query_one("#said", Static).update(text.line(words))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if not self.fault:
            self.dismiss(self.chosen.absolute())

    def action_form(self) -> None:
        """Change the end of the name to the next form."""
        if not self.forms:
            return
        path = self.chosen
        known = path.suffix.lower() in self.forms
        following = (
            self.forms[(self.forms.index(path.suffix.lower()) + 1) % len(self.forms)] if known else FORMS[0]
        )
        field = self.query_one(Field)
        field.value = str(path.with_suffix(following) if known else f"{path}{following}")
        field.cursor_position = len(field.value)

    def action_leave(self) -> None:
        self.dismiss(None)


class ExportDialog(SaveDialog):
    """Where to write a table or an answer, and in which form."""

    def __init__(self, wanted: Wanted, rows: int | None) -> None:
        """Ask for `wanted`, which has so many `rows` as far as is known."""
        amount = f" ({phrases.many(rows, 'row')})" if rows is not None else ""
        heading = text.line("export ", wanted.title, (amount, text.MUTED))
        super().__init__(heading, Path(f"{_file_name(wanted.title)}.csv"), FORMS)


def start_export(console: Console, subject: Subject, source: Source, wanted: Wanted, output: Path) -> None:
    """Write what is `wanted` as a job that goes on whatever is looked at."""
    from sqlite_recovery_tui.sqlite.save import FORMS as BY_NAME

    form, fresh = BY_NAME[output.suffix.lower()], source.again()

    def work(report: Report) -> ExportReport:
        from sqlite_recovery_tui.sqlite.save import export

        try:
            inspector = fresh.inspector(Queue.JOB, report)
            return export(inspector, wanted, output, form, progress=report.progress, cancel=report.cancel)
        finally:
            fresh.close()

    def told(result: ExportReport) -> None:
        amount = f"{phrases.many(result.rows, 'row')}, {phrases.size(result.bytes)}"
        console.say(text.line(f"Exported {amount} to ", str(output)))
        for notice in result.notices:
            console.say(notice)

    title = f"{wanted.title} of {subject.name} to {output.name}"
    command = export_line(subject, wanted, output) if subject.draft is None else ""
    job = Job["ExportReport"](kind="export", title=title, command=command, into=str(output))
    console.jobs.start(job, work, then=told)


def start_saving(console: Console, subject: str, source: Source, spot: Spot, output: Path) -> None:
    """Write all bytes of one value as a job."""
    fresh = source.again()

    def work(report: Report) -> int:
        from sqlite_recovery_tui.sqlite.save import save_value

        try:
            inspector = fresh.inspector(Queue.JOB, report)
            return save_value(inspector, spot, output, progress=report.progress, cancel=report.cancel)
        finally:
            fresh.close()

    def told(size: int) -> None:
        console.say(text.line(f"Saved {phrases.size(size)} to ", str(output)))

    job = Job[int](kind="export", title=f"a value of {spot.name} of {subject}", into=str(output))
    console.jobs.start(job, work, then=told)


def export_line(subject: Subject, wanted: Wanted, output: Path) -> str:
    """Return the `sqlrecover` command that exports the same; the order of rows has no word in it."""
    words = ["sqlrecover", "export", str(subject.path)]
    words += ["-sql", wanted.sql] if wanted.sql else [wanted.table]
    view = wanted.view
    words += ["-where", view.where] if view.where else []
    words += ["-columns", ",".join(view.columns)] if view.columns else []
    return shlex.join([*words, "-o", str(output)])


def _file_name(title: str) -> str:
    """Return a name for a file that is no surprise to any shell."""
    plain = "".join(
        letter if letter.isalnum() or letter in "_-" else "-" for letter in title if letter.isascii()
    )
    return plain.strip("-")[:60] or "rows"
