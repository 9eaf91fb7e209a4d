"""Rows as SQL that brings back the same values: blobs, broken text, NUL in text, every digit, infinities."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from sqlite_recovery_tui.sqlite.child.writers import Large, Value, Writer
from sqlite_recovery_tui.sqlite.identifier import quote

# Whatever is quoted or a comment: a semicolon in there ends nothing.
_QUOTED = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)", re.S
)
_CREATE = re.compile(r"\s*CREATE\s+TABLE\b", re.I)


class SqlWriter(Writer):
    """One INSERT for each row, in one transaction, behind the table that takes them."""

    def __init__(self, codec: str, table: str, encoding: str, *, create: str, name_columns: bool) -> None:
        """Insert into `table`, which `create` makes ("": it is there); `encoding` as PRAGMA has it."""
        super().__init__(codec)
        self._table = table
        self._encoding = encoding
        self._create = create
        self._name_columns = name_columns

    def begin(self, columns: Sequence[str]) -> Iterator[str]:
        names = f"({', '.join(quote(name) for name in columns)})" if self._name_columns else ""
        self._head = f"INSERT INTO {quote(self._table)}{names} VALUES("
        yield "PRAGMA foreign_keys = OFF;\n"
        if self._create and self._encoding != "UTF-8":
            yield f"PRAGMA encoding = '{self._encoding}';\n"
        yield "BEGIN;\n"
        if self._create:
            yield f"{self._create};\n"

    def row(self, values: Sequence[Value]) -> Iterator[str]:
        if not any(isinstance(value, Large) for value in values):
            yield f"{self._head}{','.join([self._small(value) for value in values])});\n"
            return
        yield self._head
        for place, value in enumerate(values):
            yield "," if place else ""
            yield from _large(value) if isinstance(value, Large) else (self._small(value),)
        yield ");\n"

    def end(self) -> Iterator[str]:
        yield "COMMIT;\n"

    def _small(self, value: Value) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bytes):
            return self._literal(value)
        if isinstance(value, str):
            return f"X'{value}'"
        if isinstance(value, float):
            # 9e999 is what SQLite reads as an infinity.
            return ("9e999" if value > 0 else "-9e999") if math.isinf(value) else repr(value)
        return repr(value)

    def _literal(self, data: bytes) -> str:
        try:
            text = data.decode(self._codec)
        except UnicodeDecodeError:
            return f"CAST(X'{data.hex()}' AS TEXT)"
        if "\0" not in text:
            return _string(text)
        marker = _marker(text)
        # A NUL would end the statement; it comes back when the statement is run.
        return f"replace({_string(text.replace(chr(0), marker))},{_string(marker)},char(0))"


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _marker(text: str) -> str:
    marker, number = "\\0", 0
    while marker in text:
        number += 1
        marker = f"\\{number}\\0"
    return marker


def _large(large: Large) -> Iterator[str]:
    yield "CAST(X'" if large.is_text else "X'"
    yield from (piece.hex() for piece in large.pieces())
    yield "' AS TEXT)" if large.is_text else "'"


def _closing(sql: str) -> str:
    """Return what ends a comment that is still open at the end of a statement."""
    comments = [found[0] for found in _QUOTED.finditer(sql) if found[0].startswith(("--", "/*"))]
    is_open = bool(comments) and comments[-1].startswith("/*") and not comments[-1].endswith("*/")
    return "*/" if is_open else "\n" if comments else ""


def create_table(name: str, columns: Sequence[str], sql: str = "") -> str:
    """Return the statement that makes a table: `sql` of an untrusted schema, if it is that and no more."""
    own = _QUOTED.sub("", sql)
    if _CREATE.match(sql) and ";" not in own and "\0" not in sql:
        return sql.rstrip() + _closing(sql)
    return f"CREATE TABLE {quote(name)}({', '.join(quote(column) for column in columns)})"
