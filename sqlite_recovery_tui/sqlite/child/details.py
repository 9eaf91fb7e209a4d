"""One table in full, from the schema alone; nothing of it is run, and its rows are not read."""

from __future__ import annotations

from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child import schema
from sqlite_recovery_tui.sqlite.child.order import index_order
from sqlite_recovery_tui.sqlite.child.query import prepare
from sqlite_recovery_tui.sqlite.child.schema import Table
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.identifier import quote

_SQL_BYTES = 256 << 10
_MOST_TRIGGERS = 200
_MOST_KEYS = 1000


def details(session: Session, name: str, *, sizes: bool) -> dict[str, Any]:
    """Return what `details.decode` reads; `sizes` walks over the pages of the table and its indexes."""
    table = schema.table(session, name)
    room = _room(session, table) if sizes else {}
    return {
        "name": table.name,
        "kind": table.kind,
        "sql": full_sql(session, table),
        "without_rowid": table.without_rowid,
        "columns": _columns(session, table),
        "indexes": [_index(session, table, each, room) for each in table.indexes],
        "foreign_keys": _foreign_keys(session, table),
        "triggers": _triggers(session, table),
        "bytes": room.get(table.name),
        "notice": table.notice,
    }


def full_sql(session: Session, table: Table) -> str:
    """Return the SQL of a table as the schema has it, up to 256 KiB."""
    sql = "SELECT CAST(substr(sql, 1, ?) AS BLOB) FROM main.sqlite_schema WHERE rowid = ?"
    rows = session.browse.execute(sql, (_SQL_BYTES, table.key)).fetchall()
    return session.text(rows[0][0]) if rows else ""


def _columns(session: Session, table: Table) -> list[list[Any]]:
    if table.kind == "view":
        return [[name, "", 0, False, None, False] for name in _view_columns(session, table)]
    sql = (
        'SELECT CAST(name AS BLOB), CAST(type AS BLOB), pk, "notnull", CAST(dflt_value AS BLOB), hidden'
        " FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 1 ORDER BY cid"
    )
    try:
        rows: list[Any] = session.browse.execute(sql, (table.name,)).fetchall()
    except apsw.Error:
        if session.watch.stopped:
            raise
        return []  # the notice of the table says why
    return [
        [session.text(name), session.text(kind), place, bool(needed), _text(session, default), hidden > 1]
        for name, kind, place, needed, default, hidden in rows
    ]


def _view_columns(session: Session, table: Table) -> list[str]:
    try:
        return prepare(session, f"SELECT * FROM main.{quote(table.name)}")[1]
    except apsw.Error as error:
        table.notice = table.notice or str(error)
        return []


def _index(
    session: Session, table: Table, index: tuple[str, bool, str, bool], room: dict[str, int]
) -> dict[str, Any]:
    name, unique, origin, partial = index
    key = session.browse.execute(
        "SELECT CAST(name AS BLOB), \"desc\", coll FROM pragma_index_xinfo(?, 'main')"
        " WHERE key ORDER BY seqno",
        (name,),
    ).fetchall()
    sql = session.browse.execute(
        "SELECT CAST(substr(sql, 1, ?) AS BLOB) FROM main.sqlite_schema WHERE type = 'index' AND name = ?",
        (_SQL_BYTES, name),
    ).fetchall()
    return {
        "name": name,
        "unique": unique,
        "origin": origin,
        "partial": partial,
        "columns": [_part(session, *each) for each in key],
        "sql": session.text(sql[0][0]) if sql else "",
        "pageable": not partial and index_order(session, table, name) is not None,
        "bytes": room.get(name),
    }


def _part(session: Session, raw: object, descending: object, collation: object) -> str:
    name = "(expression)" if raw is None else session.text(raw)
    ordered = "" if str(collation).upper() == "BINARY" else f" COLLATE {collation}"
    return f"{name}{ordered}{' DESC' if descending else ''}"


def _foreign_keys(session: Session, table: Table) -> list[dict[str, Any]]:
    if table.kind != "table":
        return []
    found: dict[int, dict[str, Any]] = {}
    rows = session.browse.execute(
        'SELECT id, CAST("table" AS BLOB), CAST("from" AS BLOB), CAST("to" AS BLOB), on_update, on_delete'
        " FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq LIMIT ?",
        (table.name, _MOST_KEYS),
    )
    for number, referred, column, to, on_update, on_delete in rows:
        names = {"columns": [], "table": session.text(referred), "referred": []}
        key = found.setdefault(number, {**names, "on_update": on_update, "on_delete": on_delete})
        key["columns"].append(session.text(column))
        if to is not None:
            key["referred"].append(session.text(to))
    return list(found.values())


def _triggers(session: Session, table: Table) -> list[list[str]]:
    rows = session.browse.execute(
        "SELECT CAST(name AS BLOB), CAST(substr(sql, 1, ?) AS BLOB) FROM main.sqlite_schema"
        " WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE LIMIT ?",
        (_SQL_BYTES // 8, table.name, _MOST_TRIGGERS),
    )
    return [[session.text(name), session.text(sql)] for name, sql in rows]


def _room(session: Session, table: Table) -> dict[str, int]:
    """Return how many bytes the table and its indexes take; without those whose pages cannot be walked."""
    found = {}
    session.watch.phase(f"measuring {table.name}")
    for name in (table.name, *(index[0] for index in table.indexes)):
        sql = "SELECT sum(pgsize) FROM dbstat WHERE name = ? AND aggregate = TRUE"
        try:
            ((size,),) = session.browse.execute(sql, (name,)).fetchall()
        except apsw.Error:
            if session.watch.stopped:
                raise
            continue
        if isinstance(size, int):
            found[name] = size
    return found


def _text(session: Session, raw: object) -> str | None:
    return None if raw is None else session.text(raw)
