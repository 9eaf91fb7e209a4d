"""The scratch databases there are: where each is from, how old and how sound it is, and when it expires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import actions, interrupted, phrases, text, wording
from sqlite_recovery_tui.tui.command import delete_line, scratch_line
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.jobs import Job
from sqlite_recovery_tui.tui.screens.filtered import FilteredScreen
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.state import Status
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.filter import FilterBar
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, Row
from sqlite_recovery_tui.tui.widgets.sift import Listed, Rank

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.expiry import Fate, Rule
    from sqlite_recovery_tui.restore.scratches import Scratch

COLUMNS = (
    Column("mark", "", width=1),
    Column("database", "database", least=8, most=28),
    Column("replica", "replica", least=6, most=16, drop=3),
    Column("time", "as of", least=9, most=26),
    Column("made", "made", least=9, most=12, align="right"),
    Column("size", "size", width=10, align="right", drop=1),
    Column("state", "state", width=12),
    Column("expires", "expires", least=8, most=26, drop=2),
    Column("name", "directory", least=24, most=80, grow=True, drop=4, cut="middle"),
)
STATES = {
    "damaged": Status("✗", "damaged", "bad"),
    "incomplete": Status("▲", "incomplete", "warn"),
    "checked": Status("✓", "checked", "ok"),
    "restored": Status("○", "unchecked", "muted"),
}
MOST_NAMED = 6


@dataclass(frozen=True)
class Found:
    """What was found in the scratch directories at one moment."""

    fates: tuple[Fate, ...] = ()
    rule: Rule | None = None
    folders: tuple[Path, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(fate.scratch.size for fate in self.fates)

    @cached_property
    def by_path(self) -> dict[object, Fate]:
        return {fate.scratch.path: fate for fate in self.fates}

    @property
    def due(self) -> list[Scratch]:
        """What expires now."""
        return [fate.scratch for fate in self.fates if fate.goes]


class ScratchesScreen(FilteredScreen):
    """One row per scratch database, newest first."""

    VIEW = "scratches"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("scratches")]
    CSS_PATH = ["base.tcss", "scratches.tcss"]

    def __init__(self) -> None:
        """Start with nothing found and nothing marked."""
        super().__init__()
        self.found = Found()
        self.marked: set[Path] = set()
        self._looking: Request[Any] | None = None

    def body(self) -> Iterable[Widget]:
        yield Static("", id="summary")
        yield FilterBar()
        yield RecordTable(COLUMNS, id="scratches", empty="looking…")
        yield Problem()
        with Vertical(id="about", classes="panel"):
            yield FactSheet()

    @property
    def crumb(self) -> str:
        return "scratches"

    @property
    def selected(self) -> Scratch | None:
        """The scratch under the cursor."""
        if not self.ready:
            return None
        fate = self.found.by_path.get(self.table.current_key)
        return fate.scratch if fate is not None else None

    @property
    def meant(self) -> list[Scratch]:
        """What an action is about: the marked ones, or the one under the cursor."""
        marked = [fate.scratch for fate in self.found.fates if fate.scratch.path in self.marked]
        return marked or ([self.selected] if self.selected is not None else [])

    def facts(self) -> Iterator[str]:
        if self.selected is not None:
            yield "row"
            if self._production is not None:
                yield "production"
        if self.found.due:
            yield "due"

    @property
    def _production(self) -> Path | None:
        return self.console.production_of(self.selected.database) if self.selected is not None else None

    def copyable(self) -> str | None:
        return "\n".join(str(scratch.path) for scratch in self.meant) or None

    def equivalent(self) -> str:
        return scratch_line(self._config)

    @property
    def _config(self) -> Path | None:
        settings = self.console.settings
        return settings.file if settings is not None else None

    # what is there

    @on(events.ScreenResume)
    def look(self) -> None:
        """Read the scratch directories again, in the background."""
        folders = interrupted.scratch_folders(self.console)
        settings, now = self.console.settings, self.console.now()
        keep = (settings.scratch_keep, settings.scratch_max) if settings is not None else (None, None)

        def work(_: Report) -> Found:
            from sqlite_recovery_tui.restore.expiry import Rule, fates
            from sqlite_recovery_tui.restore.scratches import scratches

            rule = Rule(*keep)
            found = [scratch for folder in folders for scratch in scratches(folder)]
            return Found(tuple(fates(found, rule, now)), rule, tuple(folders))

        self.console.engine.drop(self._looking)
        self._looking = self.console.engine.ask(
            Queue.THINK, self, work, then=self._arrived, failed=self._not_read
        )

    def job_changed(self, job: Job[Any]) -> None:
        if self.is_current and not job.running:
            self.look()

    def _arrived(self, found: Found) -> None:
        self.found = found
        self.marked &= {fate.scratch.path for fate in found.fates}
        self.table.empty = "No scratch databases. A restore (R) makes one."
        self.query_one(Problem).show(None)
        self.redraw()

    def _not_read(self, error: RecoverError) -> None:
        self.table.empty = "The scratch directory could not be read."
        self.query_one(Problem).show(error)

    # drawing

    def redraw(self) -> None:
        self.show_entries()
        self._describe()

    def entries(self) -> Listed:
        return Listed.of(COLUMNS, [self._row(fate) for fate in self.found.fates], self._rank)

    def _row(self, fate: Fate) -> Row:
        scratch = fate.scratch
        status = STATES[scratch.verdict]
        return Row(
            scratch.path,
            (
                Cell("●" if scratch.path in self.marked else "", "accent"),
                Cell(scratch.database, "strong"),
                scratch.replica,
                self.short(scratch.time) if scratch.time is not None else "–",
                Cell(phrases.age(scratch.made, self.console.now()), "muted"),
                phrases.size(scratch.size),
                Cell(status.label, status.role),
                self._expiry(fate),
                Cell(scratch.name, "muted"),
            ),
        )

    def _expiry(self, fate: Fate) -> Cell:
        if fate.goes:
            return Cell("▲ now", "warn")
        if fate.kept:
            return Cell("kept", "muted")
        if fate.expires is None:
            return Cell("–", "muted")
        return Cell(phrases.age(fate.expires, self.console.now()), "muted")

    def _rank(self, row: Row, column: str) -> Rank:
        fate = self.found.by_path[row.key]
        scratch = fate.scratch
        moments = {"time": scratch.time, "made": scratch.made, "expires": fate.expires}
        if column in moments:
            moment = moments[column]
            return moment.timestamp() if moment is not None else None
        if column == "size":
            return scratch.size
        words = {"mark": "", "database": scratch.database, "replica": scratch.replica}
        return words.get(column, scratch.state if column == "state" else scratch.name)

    @on(RecordTable.Moved)
    def _describe(self) -> None:
        self._tell_summary()
        scratch = self.selected
        self.query_one("#about").display = scratch is not None
        if scratch is not None:
            self.query_one(FactSheet).show(list(self._about(self.found.by_path[scratch.path])))

    def _about(self, fate: Fate) -> Iterator[Fact]:
        scratch = fate.scratch
        status = STATES[scratch.verdict]
        yield "file", text.line((str(scratch.path), "bold"))
        if scratch.time is not None:
            yield "state of", self.in_full(scratch.time)
        yield "exactly", phrases.short_ids(scratch.position) or "–"
        yield "from", text.line(scratch.replica, (f"  {scratch.url}", text.MUTED))
        yield "made", self.in_full(scratch.made)
        yield "state", text.line((f"{status.glyph} {scratch.state}", role_style(status.role)))
        if fate.kept:
            yield "expires", f"it is {fate.due}, but kept: {fate.kept}"
        elif fate.due:
            yield "expires", text.line((f"now: {fate.due}", "$text-warning"), "  e deletes what is due")
        elif fate.expires is not None:
            yield "expires", self.in_full(fate.expires)

    def _tell_summary(self) -> None:
        found = self.found
        count = phrases.many(len(found.fates), "scratch database")
        parts: list[text.Part] = [(f" {count}, {phrases.size(found.bytes)}", "bold")]
        if self.marked:
            parts.append((f" · ● {len(self.marked)} marked", "$text-primary"))
        parts.append((f" · {self._rule_words()}", text.MUTED))
        if found.folders:
            others = f" and {len(found.folders) - 1} more" if len(found.folders) > 1 else ""
            parts.append((f" · in {found.folders[0]}{others}", text.MUTED))
        while len(parts) > 1 and text.line(*parts).cell_length > self.size.width:
            parts.pop()
        self.query_one("#summary", Static).update(text.line(*parts))

    def _rule_words(self) -> str:
        rule = self.found.rule
        if not rule:
            return "nothing expires (scratch-keep, scratch-max)"
        limits = []
        if rule.keep is not None:
            limits.append(f"after {phrases.seconds(rule.keep.total_seconds())}")
        if rule.most_bytes is not None:
            limits.append(f"beyond {phrases.size(rule.most_bytes)}")
        return f"expire {' or '.join(limits)}"

    # actions

    def do_promote(self) -> None:
        production = self._production
        if self.selected is not None and production is not None:
            self.console.open_promote(self.selected.path, production)

    def do_open(self) -> None:
        from sqlite_recovery_tui.tui.screens.workbench import Subject

        if self.selected is not None:
            self.console.open_workbench(Subject(self.selected.path, self.selected.database))

    def do_refresh(self) -> None:
        self.look()

    def do_mark(self) -> None:
        if self.selected is not None:
            self.marked ^= {self.selected.path}
            self.table.move_to(self.table.cursor + 1)
            self.redraw()

    def do_delete(self) -> None:
        self._ask_to_delete(self.meant, "")

    def do_expire(self) -> None:
        self._ask_to_delete(self.found.due, " whose time is up")

    def _ask_to_delete(self, doomed: Sequence[Scratch], why: str) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import Confirm

        rows = [f"• {each.name}, {phrases.size(each.size)}, {each.state}" for each in doomed[:MOST_NAMED]]
        if len(doomed) > MOST_NAMED:
            rows.append(f"• and {len(doomed) - MOST_NAMED} more")
        if hidden := sum(self.table.source.index_of(each.path) is None for each in doomed):
            rows.append(f"{hidden} of them not shown by the filter")
        rows.append("The replicas they were restored from are not touched.")

        def answer(yes: bool | None) -> None:
            if yes:
                self._delete(doomed)

        question = f"Delete {phrases.many(len(doomed), 'scratch database')}{why}?"
        self.console.push_screen(Confirm(question, "\n".join(rows), yes="Delete", no="Keep"), answer)

    def _delete(self, doomed: Sequence[Scratch]) -> None:
        names = [scratch.name for scratch in doomed]
        title = names[0] if len(names) == 1 else phrases.many(len(names), "scratch database")
        job: Job[int] = Job(kind="delete", title=title, command=delete_line(names, self._config))
        folders = self.found.folders
        self.console.jobs.start(job, lambda report: _remove_all(doomed, folders, report))


def _remove_all(doomed: Sequence[Scratch], folders: Sequence[Path], report: Report) -> int:
    """Delete what can be deleted, then say what could not; runs in a thread."""
    from sqlite_recovery_tui.restore.scratches import remove, sweep

    faults: list[RecoverError] = []
    for scratch in doomed:
        report.cancel.check()
        try:
            remove(scratch)
        except RecoverError as error:
            faults.append(error)
    for folder in folders:
        sweep(folder)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise RecoverError(
            f"{len(faults)} of {len(doomed)} kept: {wording.words(faults[0])}{more}", hint=faults[0].hint
        )
    return len(doomed)
