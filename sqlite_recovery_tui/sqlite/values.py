"""One value of a database: where it stands, and a piece of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from sqlite_recovery_tui.sqlite.messages import CellType, decode_text
from sqlite_recovery_tui.sqlite.view import WHOLE, View


@dataclass(frozen=True, slots=True)
class Spot:
    """A row and column of a table in some view, or of the answer to a statement."""

    row: int
    """Counted from 0."""
    column: int
    """Counted from 0, for an answer."""
    name: str
    """Of the column, for a table."""
    table: str = ""
    view: View = WHOLE
    sql: str = ""
    """The statement, for an answer; it is run again."""

    def to_wire(self) -> dict[str, Any]:
        """Return what the child takes."""
        place = {"row": self.row, "column": self.column, "name": self.name}
        return {**place, "table": self.table, "view": self.view.to_wire(), "sql": self.sql}


@dataclass(frozen=True, slots=True)
class ValuePiece:
    """Some bytes of a text or blob, or a whole number or NULL."""

    type: CellType
    size_bytes: int
    """Of the whole value, 0 for NULL and numbers."""
    number: int | float | None
    first: int
    """Where in the value the bytes begin."""
    data: bytes
    """Text as it is stored, in the encoding of the database."""
    encoding: str

    @property
    def is_whole(self) -> bool:
        return self.first == 0 and len(self.data) == self.size_bytes

    @property
    def text(self) -> str:
        """The bytes as text, U+FFFD for what is invalid; a character cut at the end is left out."""
        return decode_text(self.data, self.encoding, cut=self.first + len(self.data) < self.size_bytes)


def decode_piece(raw: dict[str, Any]) -> ValuePiece:
    """Read a piece of a value off the wire; raise `KeyError`, `TypeError` or `ValueError` when it is none."""
    if raw["type"] not in get_args(CellType):
        raise ValueError("a value of unknown type")
    number = raw["number"]
    return ValuePiece(
        type=raw["type"],
        size_bytes=int(raw["size"]),
        number=float(number) if isinstance(number, str) else number,
        first=int(raw["first"]),
        data=bytes.fromhex(raw["data"]),
        encoding=str(raw["encoding"]),
    )
