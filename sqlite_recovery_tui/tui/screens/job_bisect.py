"""A search while it runs, and what it found: the answers on both sides, and what the commit changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.tui import phrases, text, wording
from sqlite_recovery_tui.tui.jobs.bisect import BisectJob
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact
from sqlite_recovery_tui.tui.widgets.problem import way

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.comparison import RowChange, Shape
    from sqlite_recovery_tui.verify.bisect import Changes, Seen
    from sqlite_recovery_tui.verify.diff import TableDiff

SHOWN_ROWS = 3
_CELL = 40
_LABEL = 12
_ROW = 160
_STYLES = {"+": "$text-success", "-": "$text-error", "~": "$text-warning"}


class BisectJobScreen(JobScreen):
    """One search; below it the timeline goes to what was found."""

    job: BisectJob

    def facts(self) -> Iterator[str]:
        yield from super().facts()
        if self.job.result is not None:
            yield "plannable"

    def about(self) -> Iterator[Fact]:
        found = self.job.result
        yield "asks", text.line((self.job.question.sql, "bold"))
        if self.job.question.expect is not None:
            yield "counts", f"only whether the answer is {text.safe(self.job.question.expect, _CELL)}"
        for name, time in (("from", self.job.question.start), ("up to", self.job.question.end)):
            if time is not None:
                yield name, self.in_full(time)
        if found is None:
            return
        yield from self._seen("before", found.before)
        yield from self._seen("after", found.after)
        yield from _changes(found.changes)
        yield "steps", f"{phrases.many(found.steps, 'state')} asked of {found.states:,}, after the first"
        for number, note in enumerate(found.notes):
            yield "" if number else "note", text.line((wording.words(note), text.MUTED))

    def _seen(self, name: str, seen: Seen) -> Iterator[Fact]:
        answer = text.safe(seen.answer.text, 200)
        yield name, text.line((answer, "bold $text-warning" if seen.answer.failure else "bold"))
        yield "", text.line(self.in_full(seen.stop.time), (f"  {_short(seen)}", text.MUTED))

    def ways_out(self) -> Iterator[Content]:
        yield way("r", "search again")
        yield way("esc", "back to the timeline")

    def next_step(self) -> Content:
        return text.lines(
            way("p", "plan a restore of the state in front of it"),
            way("esc", "the timeline, with the cursor on that commit"),
        )

    # actions

    def do_plan(self) -> None:
        from sqlite_recovery_tui.tui.aim import Aim

        found = self.job.result
        if found is not None:
            self.console.open_plan(self.job.place, Aim(found.before.stop.target))


def _short(seen: Seen) -> str:
    return phrases.short_ids(str(seen.place))


def _changes(changes: Changes) -> Iterator[Fact]:
    for number, change in enumerate(changes.schema):
        word = "dropped" if change.right is None else "created" if change.left is None else "changed"
        yield "" if number else "schema", f"{change.kind} {text.safe(change.name, _CELL)} {word}"
    for number, table in enumerate(changes.tables):
        words = text.line((text.safe(table.name, _CELL), "bold"), f": {_counts(table)}")
        yield "" if number else "changed", words
    for table in changes.tables:
        own = [(shape, row) for shape, row in changes.rows if shape.name == table.name]
        for number, (shape, row) in enumerate(own[:SHOWN_ROWS]):
            words = text.line((f"{row.change} ", _STYLES[row.change]), (_row(shape, row), text.MUTED))
            yield "" if number else text.safe(table.name, _LABEL), words


def _counts(table: TableDiff) -> str:
    counts = ((table.removed, "removed"), (table.added, "added"), (table.changed, "changed"))
    told = [f"{phrases.many(count, 'row')} {word}" for count, word in counts if count]
    return ", ".join(told) or wording.words(table.problem)


def _row(shape: Shape, change: RowChange) -> str:
    left, right = change.left, change.right
    if left is None or right is None:
        words = (f"{name}={cell.text}" for name, cell in zip(shape.columns, change.row, strict=True))
    else:
        words = (
            f"{name}={one.text}" if one == other else f"{name}: {one.text} → {other.text}"
            for name, one, other in zip(shape.columns, left, right, strict=True)
        )
    return text.safe(", ".join(words), _ROW)
