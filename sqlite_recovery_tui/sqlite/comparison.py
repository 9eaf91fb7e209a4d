"""Two databases compared by a child process: untrusted bytes on one side, perhaps production on the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite.inspection import Inspection
from sqlite_recovery_tui.sqlite.messages import Cell, Limits, RawCell, codec_of, decode_cell

Change = Literal["-", "~", "+"]
"""A row only on the left, one with other values, a row only on the right."""


@dataclass(frozen=True, slots=True)
class BrokenText:
    """A text whose bytes are none in the database's encoding."""

    data: bytes


Value = int | float | str | bytes | BrokenText | None


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One row of a schema."""

    kind: str
    name: str
    table: str
    sql: str


@dataclass(frozen=True, slots=True)
class Shape:
    """How the rows of a table are matched, and which columns are compared."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    left_only: tuple[str, ...]
    right_only: tuple[str, ...]

    def key_of(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the key's values in a row."""
        return tuple(row[self.columns.index(name)] for name in self.key)


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that is not the same on both sides; values as cells, or exact ones."""

    change: Change
    left: tuple[Any, ...] | None
    right: tuple[Any, ...] | None

    @property
    def row(self) -> tuple[Any, ...]:
        """The row, as the left has it if it is there."""
        found = self.left if self.left is not None else self.right
        assert found is not None
        return found


class Comparison(Inspection):
    """The databases `left` and `right`, both as they are when it begins.

    Left is untrusted, and must be at rest; right may be production with others writing to it.
    """

    def __init__(self, left: Path, right: Path, *, right_is_at_rest: bool, limits: Limits = Limits()) -> None:  # noqa: B008
        """Compare nothing yet."""
        super().__init__(left, limits=limits)
        self._right = right
        self._is_at_rest = right_is_at_rest

    def begin(
        self, *, cancel: CancelToken | None = None
    ) -> tuple[tuple[SchemaObject, ...], tuple[SchemaObject, ...]]:
        """Open both; return their schemas. Raises `DamagedError`, `UsageError`, `InspectorError`."""
        other = os.fsencode(self._right.absolute()).hex()
        arguments = {"other": other, "immutable": self._is_at_rest}
        return self._ask(
            "compare", arguments, _decode_schemas, seconds=self._limits.call_seconds, cancel=cancel
        )

    def count(
        self,
        table: str,
        *,
        left: bool,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> int:
        """Count the rows of a table on one side."""
        arguments = {"table": table, "left": left}
        return self._ask("compare_count", arguments, int, seconds=None, progress=progress, cancel=cancel)

    def learn(self, differing: bytes, *, cancel: CancelToken | None = None) -> None:
        """Take the map of pages that differ: a bit for each, from page 1 and the lowest bit on."""
        arguments = {"differing": differing.hex()}
        self._ask("compare_pages", arguments, _nothing, seconds=self._limits.call_seconds, cancel=cancel)

    def is_same(self, table: str, *, cancel: CancelToken | None = None) -> bool:
        """Tell whether every page of a table is known to be the same on both sides."""
        return self._ask("compare_same", {"table": table}, bool, seconds=None, cancel=cancel)

    def start(
        self, table: str, *, exact: bool = False, where: str = "", cancel: CancelToken | None = None
    ) -> Shape:
        """Begin with one table; raise `UsageError` when its rows cannot be matched.

        With `exact` values come whole, as themselves; otherwise as cells, large ones cut. `where` is a
        condition on the rows of the left.
        """
        arguments = {"table": table, "exact": exact, "where": where}
        self._exact = exact
        return self._ask(
            "compare_start", arguments, _decode_shape, seconds=self._limits.call_seconds, cancel=cancel
        )

    def changes(
        self, *, progress: ProgressFn = ignore_progress, cancel: CancelToken | None = None
    ) -> Iterator[RowChange]:
        """Yield the differences of the table begun with: what the left has, in its order, then the rest."""
        more = True
        while more:
            found, more = self._ask(
                "compare_next", {}, self._decode, seconds=None, progress=progress, cancel=cancel
            )
            yield from found

    def _decode(self, raw: dict[str, Any]) -> tuple[list[RowChange], bool]:
        encoding = str(raw["encoding"])
        read = exact_value if self._exact else decode_cell

        def side(cells: list[RawCell] | None) -> tuple[Any, ...] | None:
            return None if cells is None else tuple(read(cell, encoding) for cell in cells)

        return [RowChange(change, side(left), side(right)) for change, left, right in raw["rows"]], bool(
            raw["more"]
        )


def exact_value(raw: RawCell, encoding: str) -> Value:
    """Read a value off the wire as it is in the database; raise `ValueError` for one that came cut."""
    if not isinstance(raw, str):
        return raw
    head, _, digits = raw.partition(":")
    data = bytes.fromhex(digits)
    if len(data) != int(head[1:]):
        raise ValueError("a value that is too large to be carried over")
    if head[0] == "b":
        return data
    try:
        return data.decode(codec_of(encoding))
    except UnicodeDecodeError:
        return BrokenText(data)


def _nothing(_: object) -> None:
    """Read an answer that says nothing."""


def _decode_schemas(raw: dict[str, Any]) -> tuple[tuple[SchemaObject, ...], tuple[SchemaObject, ...]]:
    def side(name: str) -> tuple[SchemaObject, ...]:
        return tuple(SchemaObject(*(str(part or "") for part in row)) for row in raw[name])

    return side("main"), side("other")


def _decode_shape(raw: dict[str, Any]) -> Shape:
    parts = ("columns", "key", "left_only", "right_only")
    return Shape(str(raw["name"]), *(tuple(str(each) for each in raw[part]) for part in parts))


__all__ = [
    "BrokenText",
    "Cell",
    "Change",
    "Comparison",
    "RowChange",
    "SchemaObject",
    "Shape",
    "Value",
    "exact_value",
]
