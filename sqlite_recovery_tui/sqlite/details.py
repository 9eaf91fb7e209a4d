"""All that the schema says of one table: columns, keys, indexes, triggers, and the room it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlite_recovery_tui.sqlite.messages import TableKind


@dataclass(frozen=True, slots=True)
class ColumnDetails:
    """One column of a table."""

    name: str
    type: str
    primary_key: int
    """Place in the primary key from 1; 0 when it has none."""
    not_null: bool
    default: str | None
    """The expression, as declared."""
    generated: bool


@dataclass(frozen=True, slots=True)
class IndexDetails:
    """One index of a table."""

    name: str
    unique: bool
    origin: str
    """c: CREATE INDEX, u: a UNIQUE constraint, pk: the primary key."""
    partial: bool
    columns: tuple[str, ...]
    """In the words of an ORDER BY; `(expression)` for what is none."""
    sql: str
    pageable: bool
    """Whether rows can be looked at in its order."""
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns that refer to another table."""

    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]
    """Empty: the primary key of that table."""
    on_update: str
    on_delete: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger; its SQL is only ever shown."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class TableDetails:
    """One table or view as the schema has it."""

    name: str
    kind: TableKind
    sql: str
    without_rowid: bool
    columns: tuple[ColumnDetails, ...]
    indexes: tuple[IndexDetails, ...]
    foreign_keys: tuple[ForeignKey, ...]
    triggers: tuple[Trigger, ...]
    bytes: int | None = None
    """What its rows take in the file; None where that would cost too much to find out."""
    notice: str = ""


def decode(raw: dict[str, Any]) -> TableDetails:
    """Read details off the wire; raise `KeyError` or `TypeError` for what is none."""
    columns = tuple(ColumnDetails(*each) for each in raw.pop("columns"))
    indexes = tuple(
        IndexDetails(**{**each, "columns": tuple(each["columns"])}) for each in raw.pop("indexes")
    )
    keys = tuple(
        ForeignKey(**{**each, "columns": tuple(each["columns"]), "referred": tuple(each["referred"])})
        for each in raw.pop("foreign_keys")
    )
    triggers = tuple(Trigger(*each) for each in raw.pop("triggers"))
    return TableDetails(columns=columns, indexes=indexes, foreign_keys=keys, triggers=triggers, **raw)
