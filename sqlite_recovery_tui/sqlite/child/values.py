"""Single values in full: a piece at a time for show, or all of it for a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child.cells import WHOLE_BYTES
from sqlite_recovery_tui.sqlite.child.failure import Failure, is_damage
from sqlite_recovery_tui.sqlite.child.query import checked, unended
from sqlite_recovery_tui.sqlite.child.rows import Browser
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.identifier import quote
from sqlite_recovery_tui.sqlite.view import View

_PIECE_BYTES = 256 << 10
_MOST_BYTES = 4 << 20


@dataclass
class Found:
    """A value that was found, and where it lies when it can be read piece by piece."""

    kind: str
    size: int
    value: Any
    """A number, or the bytes of a text or blob; None when they are still to be read."""
    table: str = ""
    column: str = ""
    rowid: int | None = None


def value(
    session: Session,
    browser: Browser,
    *,
    table: str,
    view: dict[str, Any],
    sql: str,
    row: int,
    column: int,
    name: str,
    first: int,
    size: int,
    whole: bool,
) -> dict[str, Any]:
    """Return bytes of one value of a table (column `name`) or of an answer (its `column`), counted from 0.

    With `whole` all of its bytes are handed out ahead of the answer instead.
    """
    size = min(size, _MOST_BYTES)
    if sql:
        found = _in_answer(session, sql, row=row, column=column, first=first, size=-1 if whole else size)
    else:
        found = _in_table(session, browser, table, View.from_wire(view), row=row, column=name)
    data = b""
    if found.kind in ("text", "blob"):
        if whole:
            session.watch.phase("reading the value", total=found.size, unit="bytes")
            for done, piece in enumerate(_pieces(session, found)):
                session.watch.hand_out(piece)
                session.watch.step(min(found.size, (done + 1) * _PIECE_BYTES))
        else:
            data = found.value if sql else _piece(session, found, first, size)
    number = found.value if found.kind in ("integer", "real") else None
    return {
        "type": found.kind,
        "size": found.size,
        "number": repr(number) if isinstance(number, float) else number,
        "first": first,
        "data": bytes(data).hex(),
        "encoding": session.encoding,
    }


def pieces_of_blob(session: Session, table: str, column: str, rowid: int) -> Iterator[bytes]:
    """Yield all bytes of a text or blob that is never held as a whole; raises `apsw.Error`."""
    with closing(session.browse.blob_open("main", table, column, rowid, False)) as blob:
        while piece := blob.read(_PIECE_BYTES):
            yield piece


def _in_table(session: Session, browser: Browser, name: str, view: View, *, row: int, column: str) -> Found:
    table, pages = browser.opened(name, view)
    cell = f"t.{quote(column)}"
    held = pages.rowid == "NULL" or bool(table.generated)  # incremental I/O knows no such tables
    limit = "" if held else f" AND octet_length({cell}) <= {WHOLE_BYTES}"
    content = f"CASE WHEN typeof({cell}) IN ('text', 'blob'){limit} THEN CAST({cell} AS BLOB)"
    select = (
        f"{pages.rowid}, typeof({cell}), octet_length({cell}), {content}"
        f" WHEN typeof({cell}) IN ('integer', 'real') THEN {cell} END"
    )
    found = next(iter(pages.walk(session, select, pages.place(session, row, 1), 1)), None)
    if found is None:
        raise Failure("not-found", f"{name!r} has no row {row + 1:,}")
    rowid, kind, size, content = found
    return Found(kind, _size(kind, size), content, table.name, column, rowid)


def _in_answer(session: Session, sql: str, *, row: int, column: int, first: int, size: int) -> Found:
    statement, names = checked(session, sql)
    if not 0 <= column < len(names):
        raise Failure("not-found", "the answer has no such column")
    cell = f"c{column}"
    columns = ", ".join(f"c{number}" for number in range(len(names)))
    beginning = f"substr(CAST({cell} AS BLOB), {first + 1}, {size})" if size >= 0 else f"CAST({cell} AS BLOB)"
    wrapped = (
        f'WITH "statement to run"({columns}) AS ({unended(statement)}\n)'
        f" SELECT typeof({cell}), octet_length({cell}),"
        f" CASE WHEN typeof({cell}) IN ('text', 'blob') THEN {beginning} ELSE {cell} END"
        f' FROM (SELECT * FROM "statement to run" LIMIT 1 OFFSET {row}) LIMIT 1'
    )
    try:
        found: list[Any] = session.browse.execute(wrapped).fetchall()
    except apsw.SQLError as error:
        raise Failure("usage", "values of this statement are only shown as far as they were read") from error
    if not found:
        raise Failure("not-found", f"the answer has no row {row + 1:,} any more")
    kind, whole_size, content = found[0]
    return Found(kind, _size(kind, whole_size), content)


def _size(kind: str, size: Any) -> int:
    return int(size) if kind in ("text", "blob") else 0


def _piece(session: Session, found: Found, first: int, size: int) -> bytes:
    if found.value is not None:
        return bytes(found.value[first : first + size])
    assert found.rowid is not None
    try:
        opened = session.browse.blob_open("main", found.table, found.column, found.rowid, False)
    except apsw.Error as error:
        if is_damage(error):
            raise
        raise Failure(
            "failed", "this value can only be read as a whole, and is too large for that"
        ) from error
    with closing(opened) as blob:
        start = min(first, blob.length())
        blob.seek(start)
        return blob.read(min(size, blob.length() - start))


def _pieces(session: Session, found: Found) -> Iterator[bytes]:
    if found.value is None and found.rowid is not None:
        yield from pieces_of_blob(session, found.table, found.column, found.rowid)
        return
    view = memoryview(found.value)
    for start in range(0, len(view), _PIECE_BYTES):
        yield bytes(view[start : start + _PIECE_BYTES])
