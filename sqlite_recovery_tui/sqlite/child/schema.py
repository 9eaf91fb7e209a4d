"""The schema of an untrusted database, read without resolving a view or running anything of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child.failure import Failure, missing_part
from sqlite_recovery_tui.sqlite.child.session import Session

_SQL_BYTES = 16 << 10
_ALL_SQL_BYTES = 8 << 20
_MOST_OBJECTS = 200_000
_MOST_COLUMNS = 100_000
_NAME = r"""(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]|[^\s(.]+)"""
_MODULE = re.compile(
    rf"\s*CREATE\s+VIRTUAL\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:{_NAME}\s*\.\s*)?{_NAME}\s+USING\s+({_NAME})",
    re.I,
)
_FTS3_SHADOWS = ("_content", "_docsize", "_segdir", "_segments", "_stat")
_RTREE_SHADOWS = ("_node", "_parent", "_rowid")
_SHADOWS = {
    "fts3": _FTS3_SHADOWS,
    "fts4": _FTS3_SHADOWS,
    "fts5": ("_config", "_content", "_data", "_docsize", "_idx"),
    "geopoly": _RTREE_SHADOWS,
    "rtree": _RTREE_SHADOWS,
    "rtree_i32": _RTREE_SHADOWS,
}


@dataclass
class Table:
    """A row of the schema table that is a table or view."""

    key: int
    """Its rowid in the schema table."""
    name: str
    kind: str
    sql: str
    module: str = ""
    columns: list[tuple[str, str, int, bool, bool]] = field(default_factory=list)
    indexes: list[tuple[str, bool, str, bool]] = field(default_factory=list)
    without_rowid: bool = False
    notice: str = ""

    @property
    def generated(self) -> set[str]:
        """Names of the columns that are computed."""
        return {name for name, *_, is_generated in self.columns if is_generated}

    def to_wire(self) -> dict[str, Any]:
        """Return what `messages.decode_table` reads."""
        return {name: value for name, value in vars(self).items() if name != "key"}


def tables(session: Session, *, details: bool = True) -> list[Table]:
    """List tables and views in the order of the schema; `details` adds columns and indexes."""
    session.watch.phase("reading the schema")
    found = _names(session)
    _mark_shadows(found)
    if details:
        _add_columns(session, found)
        _add_indexes(session, found)
    return found


def table(session: Session, name: str) -> Table:
    """Return one table or view with columns and indexes; raise `Failure` when there is none."""
    known = tables(session, details=False)
    chosen = next((each for each in known if each.name == name), None)
    if chosen is None:
        folded = name.lower()
        chosen = next((each for each in known if each.name.lower() == folded), None)
    if chosen is None:
        raise Failure("not-found", f"there is no table {name!r}", _nearest(name, known))
    _add_columns(session, [chosen])
    _add_indexes(session, [chosen])
    return chosen


def missing_modules(session: Session, known: list[Table]) -> dict[str, str]:
    """Return the virtual tables whose module is not here: name to module."""
    here = {str(row[0]).lower() for row in session.browse.execute("PRAGMA module_list")}
    return {each.name: each.module for each in known if each.module and each.module.lower() not in here}


def _names(session: Session) -> list[Table]:
    rows = session.browse.execute(
        "SELECT rowid, type, CAST(name AS BLOB), octet_length(sql), CAST(substr(sql, 1, ?) AS BLOB)"
        " FROM main.sqlite_schema WHERE type IN ('table', 'view') LIMIT ?",
        (_SQL_BYTES, _MOST_OBJECTS),
    )
    found, budget = [], _ALL_SQL_BYTES
    for key, kind, name, size, sql in rows:
        each = Table(key, session.text(name), str(kind), session.text(sql))
        if isinstance(sql, bytes) and size > len(sql):
            each.notice = f"its SQL is shown up to {_SQL_BYTES} characters"
        if kind == "table" and (module := _MODULE.match(each.sql)):
            each.kind, each.module = "virtual", module[1].strip("\"'`[]")
        if (budget := budget - len(each.sql)) < 0:
            each.sql, each.notice = "", "its SQL is left out: the schema is very large"
        found.append(each)
    return found


def _mark_shadows(found: list[Table]) -> None:
    shadows = {
        (each.name + suffix).lower()
        for each in found
        for suffix in _SHADOWS.get(each.module.lower(), ())
        if each.module
    }
    for each in found:
        if each.kind == "table" and each.name.lower() in shadows:
            each.kind = "shadow"


def _add_columns(session: Session, found: list[Table]) -> None:
    ordinary = [each for each in found if each.kind in ("table", "shadow")]
    _fill_columns(session, ordinary)
    for each in found:
        if each.kind == "virtual":
            _fill_columns(session, [each])


def _fill_columns(session: Session, found: list[Table]) -> None:
    by_key = {each.key: each for each in found}
    sql = (
        'SELECT s.rowid, CAST(x.name AS BLOB), CAST(x.type AS BLOB), x.pk, x."notnull", x.hidden'
        " FROM main.sqlite_schema s JOIN pragma_table_xinfo(s.name, 'main') x"
        f" WHERE {_selection(found)} ORDER BY s.rowid, x.cid LIMIT {_MOST_COLUMNS}"
    )
    try:
        for key, name, kind, place, not_null, hidden in session.browse.execute(sql):
            if key in by_key and hidden != 1:
                column = (session.text(name), session.text(kind), int(place), bool(not_null), hidden > 1)
                by_key[key].columns.append(column)
    except apsw.Error as error:
        if session.watch.stopped:
            raise
        parts = missing_part(error)
        for each in found:
            each.notice = f"needs the {parts[0]} {parts[1]}" if parts else str(error)


def _add_indexes(session: Session, found: list[Table]) -> None:
    by_key = {each.key: each for each in found if each.kind in ("table", "shadow")}
    for key, name, unique, origin, partial, lowest in session.browse.execute(
        'SELECT s.rowid, CAST(i.name AS BLOB), i."unique", i.origin, i.partial,'
        " CASE i.origin WHEN 'pk' THEN (SELECT min(cid) FROM pragma_index_xinfo(i.name, 'main')) END"
        " FROM main.sqlite_schema s JOIN pragma_index_list(s.name, 'main') i"
        f" WHERE {_selection(list(by_key.values()))} LIMIT {_MOST_COLUMNS}"
    ):
        if key in by_key:
            by_key[key].indexes.append((session.text(name), bool(unique), str(origin), bool(partial)))
            # The index of a WITHOUT ROWID table is the table: no column of it is the rowid, number -1.
            by_key[key].without_rowid |= lowest is not None and lowest >= 0


def _selection(found: list[Table]) -> str:
    if len(found) == 1:
        return f"s.rowid = {int(found[0].key)}"
    return "s.type = 'table' AND s.sql NOT LIKE 'create virtual table %'"


def _nearest(name: str, known: list[Table]) -> str:
    import difflib

    close = difflib.get_close_matches(name, [each.name for each in known[:2000]], n=3)
    return f"Did you mean {' or '.join(repr(each) for each in close)}?" if close else ""
