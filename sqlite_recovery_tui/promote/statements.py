"""The statements of a rescue, each with its inverse; a row that is no longer what it was is not touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_recovery_tui.sqlite.comparison import BrokenText, RowChange, Shape, Value
from sqlite_recovery_tui.sqlite.identifier import quote
from sqlite_recovery_tui.sqlite.literal import literal


@dataclass(frozen=True, slots=True)
class Statement:
    """One row's change, which must change exactly one row."""

    parts: tuple[str, ...]
    """The SQL around the values, one part more than there are values."""
    values: tuple[Value, ...]

    @property
    def text(self) -> str:
        """The statement with its values written out."""
        return f"{self._joined([literal(value) for value in self.values])};"

    @property
    def sql(self) -> str:
        """The statement with parameters; text that is none goes in as bytes."""
        marks = ["CAST(? AS TEXT)" if isinstance(value, BrokenText) else "?" for value in self.values]
        return self._joined(marks)

    @property
    def bindings(self) -> tuple[int | float | str | bytes | None, ...]:
        """The values of the parameters."""
        return tuple(value.data if isinstance(value, BrokenText) else value for value in self.values)

    def _joined(self, between: Sequence[str]) -> str:
        pairs = zip(self.parts, (*between, ""), strict=True)
        return "".join(part + filled for part, filled in pairs)


def forward(shape: Shape, change: RowChange) -> Statement:
    """Return the statement that gives the right the row of the left."""
    if change.change == "-":
        assert change.left is not None
        return _insert(shape, change.left)
    assert change.left is not None
    assert change.right is not None
    return _update(shape, change.right, change.left)


def backward(shape: Shape, change: RowChange) -> Statement:
    """Return the statement that takes `forward` back."""
    assert change.left is not None
    if change.change == "-":
        return _delete(shape, change.left)
    assert change.right is not None
    return _update(shape, change.left, change.right)


def left_to_right(shape: Shape, change: RowChange) -> Statement:
    """Return the statement that gives the left the row of the right."""
    if change.right is None:
        assert change.left is not None
        return _delete(shape, change.left)
    return _insert(shape, change.right) if change.left is None else _update(shape, change.left, change.right)


def _insert(shape: Shape, row: Sequence[Value]) -> Statement:
    columns = ", ".join(quote(column) for column in shape.columns)
    head = f"INSERT INTO {quote(shape.name)} ({columns}) VALUES ("
    return Statement((head, *[", "] * (len(row) - 1), ")"), tuple(row))


def _delete(shape: Shape, row: Sequence[Value]) -> Statement:
    heads = [f"DELETE FROM {quote(shape.name)} WHERE ", *[" AND "] * (len(row) - 1)]
    return Statement(_compared(heads, shape.columns), tuple(row))


def _update(shape: Shape, before: Sequence[Value], after: Sequence[Value]) -> Statement:
    changed = [
        number
        for number in range(len(shape.columns))
        if type(before[number]) is not type(after[number]) or before[number] != after[number]
    ]
    sets = [f"{quote(shape.columns[number])} = " for number in changed]
    first = [f"UPDATE {quote(shape.name)} SET {sets[0]}", *(f", {each}" for each in sets[1:])]
    # The row is found only while all of it is what it was.
    heads = [" WHERE ", *[" AND "] * (len(shape.columns) - 1)]
    parts = (*first, *_compared(heads, shape.columns))
    return Statement(parts, (*(after[number] for number in changed), *before))


def _compared(heads: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    return (*(f"{head}{quote(column)} IS " for head, column in zip(heads, columns, strict=True)), "")
