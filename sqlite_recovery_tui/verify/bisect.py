"""The first commit at which the answer to a question changed: a binary search with one scratch.

The scratch is moved from state to state, so a step costs the pages that differ. What is found is a change:
the answers on both sides of it were asked for. Whether it is the only one, a search cannot tell.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.domain import Place, WalSegment
from sqlite_recovery_tui.errors import NotFoundError, RecoverError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.restore import scratches
from sqlite_recovery_tui.restore.commits import commits
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.scratch import scratch_path, withdraw
from sqlite_recovery_tui.restore.target import AtPosition, AtTxid, format_utc
from sqlite_recovery_tui.restore.travel import Travel
from sqlite_recovery_tui.restore.travelling.note import other
from sqlite_recovery_tui.sqlite.comparison import RowChange, Shape
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.verify.answers import Answer, ask
from sqlite_recovery_tui.verify.diff import SchemaChange, TableDiff, comparing
from sqlite_recovery_tui.verify.stops import Line, Stop, inside, item_of

MOST_ROWS = 20
"""Rows of each table that are kept of what the found commit changed."""


@dataclass(frozen=True)
class Question:
    """What is asked, and for which answer."""

    sql: str
    expect: str | None = None
    """The answer that counts; None: whatever the first state answers."""
    seconds: float | None = 60.0


@dataclass(frozen=True)
class Seen:
    """A state that was asked."""

    stop: Stop
    place: Place
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line prints it."""
        return {
            "position": self.place.to_json(),
            "time": format_utc(self.stop.time),
            "object": self.stop.key,
            **self.answer.to_json(),
        }


@dataclass(frozen=True)
class Changes:
    """What a commit changed: schema, tables, and the first rows of each."""

    schema: tuple[SchemaChange, ...] = ()
    tables: tuple[TableDiff, ...] = ()
    rows: tuple[tuple[Shape, RowChange], ...] = ()


@dataclass(frozen=True)
class Found:
    """The change, the states on both sides of it, and how it was found."""

    before: Seen
    after: Seen
    changes: Changes
    steps: int
    """Moves of the scratch after it was restored, up to the answer."""
    states: int
    """How many states the search could choose from."""
    notes: tuple[str, ...] = ()
    asked: tuple[Seen, ...] = field(default=(), repr=False)


@dataclass
class Bisection:
    """One search on one replica, with the scratch at `scratch`, which must not be there yet."""

    store: Store
    line: Line
    question: Question
    scratch: Path
    identities: Sequence[str] = field(default=(), repr=False)
    clock: Clock = SYSTEM
    progress: ProgressFn = ignore_progress
    cancel: CancelToken = field(default_factory=CancelToken)
    _asked: list[Seen] = field(default_factory=list, init=False)
    _steps: int = field(default=0, init=False)
    _states: int = field(default=0, init=False)

    def run(self, stops: Sequence[Stop]) -> Found:
        """Search among `stops`, at least two, in order; the scratch ends at the state in front of the change.

        Raises `NotFoundError` where the first and the last state answer the same, and what restores,
        moves and questions raise.
        """
        plan = self.line.plan(stops[0])
        self.progress(Progress("restoring", detail=f"the first of {len(stops):,} states"))
        result = restore(
            self.store,
            plan,
            RestoreOptions(self.scratch, scratch=True),
            age_identities=self.identities,
            progress=self.progress,
            cancel=self.cancel,
            clock=self.clock,
        )
        self._states = len(stops)
        first = self._ask(stops[0], result.position)
        with Travel(self.store, self.scratch, identities=self.identities, clock=self.clock) as travel:
            last = self._visit(travel, stops[-1])
            self._refuse_same(first, last)
            seen = {0: first, len(stops) - 1: last}
            high = self._search(travel, stops, seen)
            before, after = seen[high - 1], seen[high]
            before, after, notes = self._inside(travel, before, after)
            steps = self._steps
            changes = self._changes(travel, before, after)
        several = self._several()
        return Found(before, after, changes, steps, len(stops), (*notes, several), tuple(self._asked))

    def _search(self, travel: Travel, stops: Sequence[Stop], seen: dict[int, Seen]) -> int:
        """Return the number of a stop that does not answer as the first one, behind one that does."""
        low, high = 0, len(stops) - 1
        start = seen[0].answer
        while high - low > 1:
            middle = (low + high) // 2
            seen[middle] = self._visit(travel, stops[middle])
            if self._is_same(seen[middle].answer, start):
                low = middle
            else:
                high = middle
        return high

    def _inside(self, travel: Travel, before: Seen, after: Seen) -> tuple[Seen, Seen, tuple[str, ...]]:
        """Go on among the commits of the object that brought the change."""
        item = item_of(self.line.timeline, after.stop)
        if not isinstance(item, WalSegment):
            return before, after, _merged(before, after)
        own = commits(self.store, self.line.timeline, item, identities=self.identities, cancel=self.cancel)
        steps = inside(after.stop, own.commits)
        if len(steps) < 2 or before.stop.key == after.stop.key:
            return before, after, _jump(before, after)
        line = [before.stop, *steps[:-1], after.stop]
        seen = {0: before, len(line) - 1: after}
        high = self._search(travel, line, seen)
        return seen[high - 1], seen[high], _jump(before, after)

    def _visit(self, travel: Travel, stop: Stop) -> Seen:
        self.cancel.check()
        self._steps += 1
        detail = f"{format_utc(stop.time)}, step {self._steps} among {self._states:,} states"
        self.progress(Progress("asking", self._steps, None, "states", detail))
        moved = travel.move(self.line.plan(stop), cancel=self.cancel)
        return self._ask(stop, moved.place)

    def _ask(self, stop: Stop, place: Place) -> Seen:
        question = self.question
        answer = ask(self.scratch, question.sql, seconds=question.seconds, cancel=self.cancel)
        found = Seen(stop, place, answer)
        self._asked.append(found)
        return found

    def _is_same(self, one: Answer, other: Answer) -> bool:
        expected = self.question.expect
        if expected is None:
            return one == other
        return one.is_value(expected) == other.is_value(expected)

    def _refuse_same(self, first: Seen, last: Seen) -> None:
        if not self._is_same(first.answer, last.answer):
            return
        expected, times = (
            self.question.expect,
            f"{format_utc(first.stop.time)} and {format_utc(last.stop.time)}",
        )
        if first.answer == last.answer:
            message = f"the answer does not differ between {times}: it is {first.answer.text} at both"
        elif first.answer.is_value(str(expected)):
            message = f"the answer is {expected} at both ends, {times}"
        else:
            message = (
                f"the answer is {expected} at neither end, {times}: "
                f"it is {first.answer.text} first, and {last.answer.text} last"
            )
        raise NotFoundError(
            message,
            hint="correct the statement"
            if first.answer.failure and first.answer == last.answer
            else "search another time with -from and -to: what changed and changed back is not seen",
        )

    def _changes(self, travel: Travel, before: Seen, after: Seen) -> Changes:
        """Compare both sides of the change; the scratch ends at the earlier one."""
        self.progress(Progress("comparing", detail="the states on both sides"))
        beside = other(self.scratch)
        try:
            travel.move(self.line.plan(after.stop), cancel=self.cancel)
            shutil.copyfile(self.scratch, beside)
            travel.move(self.line.plan(before.stop), cancel=self.cancel)
            return compare(self.scratch, beside, self.cancel, self.progress)
        finally:
            beside.unlink(missing_ok=True)

    def _several(self) -> str:
        answers = {seen.answer for seen in self._asked}
        if self.question.expect is None and len(answers) > 2:
            return (
                f"{len(answers)} different answers were seen: this is one change of several, "
                "the first that the search came upon"
            )
        return (
            "if the answer changed back and again, this is one change of several: not every state was asked"
        )


@contextmanager
def passing_scratch(folder: Path, database: str, plan: Plan, *, keep: bool = False) -> Iterator[Path]:
    """Give the place of a new scratch in `folder`; it is deleted in the end, unless `keep` and all went well.

    Raises `RefusedError` where the folder is not safe to write to.
    """
    path = scratch_path(folder, database, plan.point)
    done = False
    try:
        yield path
        done = True
    finally:
        if not (keep and done):
            try:
                scratches.remove(scratches.find(folder, str(path)))
            except RecoverError:
                withdraw(path)


def compare(
    left: Path, right: Path, cancel: CancelToken, progress: ProgressFn, *, most_rows: int = MOST_ROWS
) -> Changes:
    """Return how two files at rest differ, with the first rows of each table."""
    rows: list[tuple[Shape, RowChange]] = []
    with comparing(left, right) as diff:
        tables = []
        for name in diff.tables():
            kept = _keeper(rows, most_rows)
            table = diff.table(name, on_row=kept, progress=progress, cancel=cancel)
            if not table.is_same or table.left_rows is None or table.right_rows is None:
                tables.append(table)
        return Changes(diff.schema, tuple(tables), tuple(rows))


def _keeper(rows: list[tuple[Shape, RowChange]], most: int) -> Callable[[Shape, RowChange], None]:
    start = len(rows)

    def keep(shape: Shape, change: RowChange) -> None:
        if len(rows) - start < most:
            rows.append((shape, change))

    return keep


def _merged(before: Seen, after: Seen) -> tuple[str, ...]:
    """Say where an LTX file leads over several TXIDs at once."""
    one, other = before.stop.target, after.stop.target
    if isinstance(one, AtTxid) and isinstance(other, AtTxid) and other.txid - one.txid > 1:
        return (
            f"TXIDs {one.txid + 1:016x} to {other.txid:016x} are one state in this replica: "
            "the change is in one of them",
        )
    return _jump(before, after)


def _jump(before: Seen, after: Seen) -> tuple[str, ...]:
    """Say where nothing is stored of what happened between two states."""
    one, other = before.stop.target, after.stop.target
    same = type(one) is type(other) and (
        not isinstance(one, AtPosition)
        or not isinstance(other, AtPosition)
        or one.generation == other.generation
    )
    if same:
        return ()
    return ("the states are of two histories: what happened between them is not stored",)
