"""What differs between two databases: schema, rows per table, and the rows themselves, streamed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from sqlite_recovery_tui.errors import NotFoundError, RecoverError, UsageError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.restore.place import SIDECARS, open_by
from sqlite_recovery_tui.restore.travelling.note import refuse_moving
from sqlite_recovery_tui.sqlite.comparison import Change, Comparison, RowChange, SchemaObject, Shape
from sqlite_recovery_tui.sqlite.connect import open_production
from sqlite_recovery_tui.verify.pages import differing_pages

_FLIPPED: dict[Change, Change] = {"-": "+", "+": "-", "~": "~"}


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One object of the schema that is not the same on both sides."""

    kind: str
    name: str
    left: str | None
    """Its SQL, None where it is not there."""
    right: str | None

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {"kind": self.kind, "name": self.name, "left": self.left, "right": self.right}


@dataclass(frozen=True, slots=True)
class TableDiff:
    """How one table differs."""

    name: str
    left_rows: int | None
    """None where the table is not there."""
    right_rows: int | None
    added: int | None
    """Rows only on the right; None where they cannot be matched."""
    removed: int | None
    changed: int | None
    key: tuple[str, ...] = ()
    problem: str = ""
    """Why its rows cannot be matched."""

    @property
    def is_same(self) -> bool:
        return not (self.added or self.removed or self.changed or self.problem)

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {
            "table": self.name,
            "left_rows": self.left_rows,
            "right_rows": self.right_rows,
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "key": list(self.key),
            "problem": self.problem or None,
        }


OnRow = Callable[[Shape, RowChange], None]
"""Gets each row that differs, with how its table's rows are matched."""


class Diff:
    """A comparison of `left` and `right`, either of which may be in use by others, but not both."""

    def __init__(
        self,
        comparison: Comparison,
        *,
        flipped: bool,
        files: tuple[Path, Path] | None = None,
        still: Sequence[Path] = (),
    ) -> None:
        """Compare through `comparison`; `flipped`: its left is our right. Made by `comparing`.

        `files` are both where both stand still, so that their pages can be compared; `still` are those that
        do, and must until the end.
        """
        self._comparison = comparison
        self._files = files
        self._still = {path: _stamp(path) for path in still}
        self._flipped = flipped
        self._has_pages = False
        left, right = comparison.begin()
        self.left, self.right = (right, left) if flipped else (left, right)

    @property
    def schema(self) -> tuple[SchemaChange, ...]:
        """What differs in the schemas."""
        left, right = (
            {(each.kind, each.name): each.sql for each in side} for side in (self.left, self.right)
        )
        every = sorted(left.keys() | right.keys())
        return tuple(
            SchemaChange(*name, left.get(name), right.get(name))
            for name in every
            if left.get(name) != right.get(name)
        )

    def tables(self, wanted: Sequence[str] = ()) -> list[str]:
        """Return the names of the tables to compare; raise `NotFoundError` for one on neither side."""
        every = sorted(_tables(self.left) | _tables(self.right))
        unknown = next((name for name in wanted if name not in every), None)
        if unknown is not None:
            raise NotFoundError(
                f"there is no table {unknown!r} on either side", hint=f"there are {', '.join(every[:20])}"
            )
        return list(wanted) or every

    def count(
        self,
        name: str,
        *,
        left: bool,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> int | None:
        """Count the rows of a table on one side; None where it has no such table."""
        if name not in _tables(self.left if left else self.right):
            return None
        is_main = left is not self._flipped
        return self._comparison.count(name, left=is_main, progress=progress, cancel=cancel)

    def table(
        self,
        name: str,
        *,
        on_row: OnRow | None = None,
        exact: bool = False,
        where: str = "",
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> TableDiff:
        """Compare the rows of one table; raise `InspectorError`, `DamagedError`, `Cancelled`.

        `where` is a condition on the rows of the left, which must be the one at rest for that.
        """
        if where and self._flipped:
            raise RecoverError(
                "rows cannot be chosen by a condition from a database that is in use",
                hint="end whatever writes to the restored one, and ask again",
            )
        progress(Progress("comparing", 0, None, "rows", name))
        is_same = self._is_same(name, progress, cancel)
        left_rows = self.count(name, left=True, progress=progress, cancel=cancel)
        right_rows = left_rows if is_same else self.count(name, left=False, progress=progress, cancel=cancel)
        if left_rows is None or right_rows is None:
            return TableDiff(name, left_rows, right_rows, None, None, None)
        try:
            shape = self._comparison.start(name, exact=exact, where=where, cancel=cancel)
        except UsageError as error:
            return TableDiff(name, left_rows, right_rows, None, None, None, (), error.message)
        found: Counter[str] = Counter()
        for change in () if is_same else self._rows(progress, cancel):
            found[change.change] += 1
            if on_row is not None:
                on_row(shape, change)
        self._check_still()
        return TableDiff(name, left_rows, right_rows, found["+"], found["-"], found["~"], shape.key)

    def _check_still(self) -> None:
        """Raise `RecoverError` where a file that had to stand still did not: what was read may be a mix."""
        for path, stamp in self._still.items():
            if _stamp(path) != stamp:
                raise RecoverError(
                    f"{path} was written while it was compared", object=str(path), hint="compare again"
                )

    def _is_same(self, name: str, progress: ProgressFn, cancel: CancelToken | None) -> bool:
        """Tell by the pages alone whether a table is the same, where that can be told."""
        if self._files is not None:
            files, self._files = self._files, None
            self._has_pages = self._learn(files, progress, cancel)
        return self._has_pages and self._comparison.is_same(name, cancel=cancel)

    def _learn(self, files: tuple[Path, Path], progress: ProgressFn, cancel: CancelToken | None) -> bool:
        try:
            found = differing_pages(*files, progress=progress, cancel=cancel)
        except OSError:
            return False
        if found is not None:
            self._comparison.learn(found, cancel=cancel)
        return found is not None

    def _rows(self, progress: ProgressFn, cancel: CancelToken | None) -> Iterator[RowChange]:
        for change in self._comparison.changes(progress=progress, cancel=cancel):
            if self._flipped:
                yield RowChange(_FLIPPED[change.change], change.right, change.left)
            else:
                yield change


def _tables(side: Sequence[SchemaObject]) -> set[str]:
    return {
        each.name
        for each in side
        if each.kind == "table" and not each.sql.lstrip().upper().startswith("CREATE VIRTUAL")
    }


@contextmanager
def comparing(left: Path, right: Path) -> Iterator[Diff]:
    """Open two databases for a comparison until the block ends.

    Raises `NotFoundError`, `UsageError`, `DamagedError`, `InspectorError`; `RefusedError` for a scratch that
    is being moved, `RecoverError` when both are in use.
    """
    at_rest = [_stands_still(path) for path in (left, right)]
    flipped = not at_rest[0]
    if not any(at_rest):
        raise RecoverError(
            f"{left} and {right} are both in use, and cannot be held still together",
            hint="compare with a copy: restore one of them to a scratch",
        )
    first, second = (right, left) if flipped else (left, right)
    for path in (second, first):
        _check(path)
        refuse_moving(path)
    with ExitStack() as stack:
        if not all(at_rest):
            # The child may not write what SQLite keeps beside a database in use: it has to be there.
            stack.enter_context(_in_use(second))
        comparison = stack.enter_context(Comparison(first, second, right_is_at_rest=all(at_rest)))
        still = [path for path, is_still in zip((left, right), at_rest, strict=True) if is_still]
        files = (first, second) if all(at_rest) else None
        yield Diff(comparison, flipped=flipped, files=files, still=still)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is written; None when it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _stands_still(path: Path) -> bool:
    """Tell whether nothing lies beside a database and nobody can be seen who could write to it."""
    sidecars = (Path(f"{path}{suffix}") for suffix in SIDECARS)
    return not any(map(os.path.lexists, sidecars)) and not open_by(path, for_writing=True)


def _in_use(path: Path) -> closing[apsw.Connection]:
    try:
        return closing(open_production(path, is_at_rest=False))
    except apsw.Error as error:
        raise RecoverError(f"{path} cannot be read: {error}", object=str(path)) from None


def _check(path: Path) -> None:
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", object=str(path))
