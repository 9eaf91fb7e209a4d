"""The condition that lets only certain rows of a table through: those that were chosen from a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.sqlite.comparison import Cell, RowChange, Shape, Value
from sqlite_recovery_tui.sqlite.identifier import quote
from sqlite_recovery_tui.sqlite.literal import literal

MOST_BYTES = 1 << 20


def condition(shape: Shape, changes: Sequence[RowChange]) -> str:
    """Return SQL that is true of these rows alone, by their keys.

    Raises `UsageError` for a key that came cut or is no text, and for more rows than fit into a statement.
    """
    keys = [tuple(_value(shape, cell) for cell in shape.key_of(change.row)) for change in changes]
    whole = [key for key in keys if None not in key]
    terms = [_in(shape, whole)] if whole else []
    terms += [_is(shape, key) for key in keys if None in key]
    found = " OR ".join(terms) or "0"
    if len(found.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise UsageError(
            f"{len(changes):,} rows are too many to be named one by one",
            hint="mark fewer, or rescue the whole table",
        )
    return found


def _value(shape: Shape, cell: Cell) -> Value:
    if cell.truncated or (isinstance(cell.value, str) and "\ufffd" in cell.value):
        why = "is too long" if cell.truncated else "is no proper text"
        raise UsageError(
            f"{shape.name}: a row cannot be named by its key, which {why}", hint="rescue the whole table"
        )
    return cell.value


def _in(shape: Shape, keys: Sequence[tuple[Value, ...]]) -> str:
    names = [quote(column) for column in shape.key]
    if len(names) == 1:
        return f"{names[0]} IN ({', '.join(literal(key[0]) for key in keys)})"
    rows = ", ".join(f"({', '.join(map(literal, key))})" for key in keys)
    return f"({', '.join(names)}) IN (VALUES {rows})"


def _is(shape: Shape, key: tuple[Value, ...]) -> str:
    parts = (f"{quote(column)} IS {literal(value)}" for column, value in zip(shape.key, key, strict=True))
    return f"({' AND '.join(parts)})"
