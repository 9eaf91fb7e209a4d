"""Whole tables and answers as text, handed out piece by piece while they are read."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child.cells import WHOLE_BYTES
from sqlite_recovery_tui.sqlite.child.details import full_sql
from sqlite_recovery_tui.sqlite.child.failure import Failure, is_damage
from sqlite_recovery_tui.sqlite.child.query import checked, is_select, unended
from sqlite_recovery_tui.sqlite.child.rows import Browser
from sqlite_recovery_tui.sqlite.child.schema import Table
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.child.values import pieces_of_blob
from sqlite_recovery_tui.sqlite.child.write_sql import SqlWriter, create_table
from sqlite_recovery_tui.sqlite.child.writers import (
    CsvWriter,
    JsonLinesWriter,
    JsonWriter,
    Large,
    Value,
    Writer,
    unique,
)
from sqlite_recovery_tui.sqlite.identifier import quote
from sqlite_recovery_tui.sqlite.messages import codec_of
from sqlite_recovery_tui.sqlite.view import View

_PIECE_BYTES = 256 << 10
_LARGE_BYTES = 1 << 20
_ROWS_PER_STEP = 256
_MOST_COLUMNS = 2000
"""Of a result, the default of SQLite."""
_PLAIN: dict[str, type[Writer]] = {"csv": CsvWriter, "json": JsonWriter, "jsonl": JsonLinesWriter}


class Outlet:
    """Collects text and hands it out in pieces of a useful size."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parts: list[str] = []
        self._held = 0
        self.bytes = 0

    def put(self, parts: Iterable[str]) -> None:
        for part in parts:
            for start in range(0, len(part), _PIECE_BYTES):
                piece = part[start : start + _PIECE_BYTES] if len(part) > _PIECE_BYTES else part
                self._parts.append(piece)
                self._held += len(piece)
                if self._held >= _PIECE_BYTES:
                    self.flush()

    def flush(self) -> None:
        data = "".join(self._parts).encode("utf-8", "replace")
        self._parts, self._held = [], 0
        if data:
            self.bytes += len(data)
            self._session.watch.hand_out(data)


def export(
    session: Session,
    browser: Browser,
    *,
    table: str,
    view: dict[str, Any],
    sql: str,
    name: str,
    form: str,
    create: bool,
    limit: int | None,
) -> dict[str, Any]:
    """Hand out every row of a table (in a view of it) or of an answer, as `form` csv, json, jsonl or sql.

    Rows of an answer go into a table called `name` in SQL. Returns rows, bytes, and what could not be kept.
    """
    read: _Answer | _Rows = (
        _Answer(session, sql, name)
        if sql
        else _Rows(session, browser, table, View.from_wire(view), stored_only=form == "sql")
    )
    writer = read.sql_writer(create) if form == "sql" else _PLAIN[form](codec_of(session.encoding))
    outlet, done = Outlet(session), 0
    session.watch.phase(f"exporting {read.title}", unit="rows")
    try:
        outlet.put(writer.begin(read.columns))
        for done, row in enumerate(read.rows(-1 if limit is None else limit), start=1):
            outlet.put(writer.row(row))
            if done % _ROWS_PER_STEP == 0:
                session.watch.step(done)
        outlet.put(writer.end())
    except apsw.Error as error:
        if session.watch.stopped or not is_damage(error):
            raise
        where = f"{done:,} rows can be read before the damage" if done else "no row can be read"
        raise Failure(
            "damaged", f"{error}: {where}", "Restore an earlier point, or query what is readable."
        ) from error
    outlet.flush()
    return {"rows": done, "bytes": outlet.bytes, "notices": _notices(session, writer)}


def _notices(session: Session, writer: Writer) -> list[str]:
    notices = [session.notice] if session.notice else []
    if writer.replaced:
        one = writer.replaced == 1
        what = "1 text is" if one else f"{writer.replaced:,} texts are"
        notices.append(f"{what} not valid: U+FFFD stands for what is broken (SQL keeps every byte)")
    if session.stand_ins:
        names = ", ".join(sorted(session.stand_ins))
        notices.append(f"collations only the application has compare byte by byte: {names}")
    return notices


class _Rows:
    """Every row of a table in a view of it."""

    def __init__(
        self, session: Session, browser: Browser, name: str, view: View, *, stored_only: bool
    ) -> None:
        self._session = session
        self.table, self._pages = browser.opened(name, view)
        columns = browser.all_columns(self.table, view)
        generated = self.table.generated if stored_only else set()
        self.columns = [column for column in columns if column not in generated]
        self.title = self.table.name
        self._is_whole = not view.columns
        self._has_generated = len(self.columns) < len(columns)

    def sql_writer(self, create: bool) -> Writer:
        encoding = self._session.encoding
        own = _is_own(self.table) and self._is_whole
        name = self.table.name if own or not create else _free_name(self.table.name)
        sql = full_sql(self._session, self.table) if own else ""
        made = create_table(name, self.columns, sql) if create else ""
        named = not create or self._has_generated
        return SqlWriter(codec_of(encoding), name, encoding, create=made, name_columns=named)

    def rows(self, limit: int) -> Iterator[list[Value]]:
        pages, session = self._pages, self._session
        # Incremental I/O knows no tables with generated columns.
        stored = pages.rowid != "NULL" and not self.table.generated
        piecewise = stored and len(self.columns) < _MOST_COLUMNS
        cells = [_cell(f"t.{quote(column)}", piecewise) for column in self.columns]
        key = [pages.rowid] if piecewise else []
        where = f" WHERE ({pages.where}\n)" if pages.where else ""
        rest = f"{where} {pages.order.clause()} LIMIT {limit}"
        sql = f"SELECT {', '.join([*key, *cells])} FROM {pages.source}{rest}"
        for row in session.browse.execute(sql):
            if piecewise:
                yield [self._value(row[0], *each) for each in zip(row[1:], self.columns, strict=True)]
            else:
                yield [_held(value) for value in row]

    def _value(self, rowid: Any, value: Any, column: str) -> Value:
        if type(value) is str and value[1:2] == ":":
            pieces = partial(pieces_of_blob, self._session, self.table.name, column, rowid)
            return Large(value[0] == "t", pieces)
        return _held(value)


class _Answer:
    """Every row that a statement gives."""

    def __init__(self, session: Session, sql: str, name: str) -> None:
        self._session = session
        self._statement, self.columns = checked(session, sql)
        self._name = name
        self.title = "the answer"

    def sql_writer(self, create: bool) -> Writer:
        encoding = self._session.encoding
        columns = unique(self.columns)
        made = create_table(self._name, columns) if create else ""
        return SqlWriter(codec_of(encoding), self._name, encoding, create=made, name_columns=not create)

    def rows(self, limit: int) -> Iterator[list[Value]]:
        if not is_select(self._statement):
            answer = self._session.browse.execute(self._statement)
            for row in islice(answer, None if limit < 0 else limit):
                yield [_direct(value, self._session.encoding) for value in row]
            return
        names = [f"c{number}" for number in range(len(self.columns))]
        # The two LIMITs keep the statement from being merged into the outer one, as in `query`.
        sql = (
            f'WITH "statement to run"({", ".join(names)}) AS ({unended(self._statement)}\n)'
            f" SELECT {', '.join(_cell(name, False) for name in names)}"
            ' FROM (SELECT * FROM "statement to run" LIMIT -1) LIMIT '
            f"{limit}"
        )
        for row in self._session.browse.execute(sql):
            yield [_held(value) for value in row]


def _cell(value: str, in_pieces: bool) -> str:
    """Return SQL that gives text as bytes, blobs as hexadecimal, and of large ones only what they are."""
    text, blob = f"CAST({value} AS BLOB)", f"hex({value})"
    if in_pieces:
        small = f"octet_length({value}) <= {WHOLE_BYTES}"
        text, blob = (
            f"CASE WHEN {small} THEN {text} ELSE 't:' END",
            f"CASE WHEN {small} THEN {blob} ELSE 'b:' END",
        )
    return f"CASE typeof({value}) WHEN 'text' THEN {text} WHEN 'blob' THEN {blob} ELSE {value} END"


def _held(value: Any) -> Value:
    """Return a value that is here as a whole; a long text is still written in pieces."""
    if isinstance(value, bytes) and len(value) > _LARGE_BYTES:
        view = memoryview(value)
        starts = range(0, len(value), _PIECE_BYTES)
        return Large(True, lambda: (bytes(view[start : start + _PIECE_BYTES]) for start in starts))
    return value  # type: ignore[no-any-return]


def _direct(value: Any, encoding: str) -> Value:
    if isinstance(value, bytes):
        return value.hex()
    return codecs.encode(value, codec_of(encoding)) if isinstance(value, str) else value


def _is_own(table: Table) -> bool:
    """Tell whether the SQL of a table makes one that takes the same rows."""
    return table.kind in ("table", "shadow") and not table.name.lower().startswith("sqlite_")


def _free_name(name: str) -> str:
    return f"copy of {name}" if name.lower().startswith("sqlite_") else name
