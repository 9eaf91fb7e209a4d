"""CHECK constraints, asked as queries: SQLite leaves them out of its checks when the file is read-only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.identifier import quote

_NOT_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.S)
_CHECK = re.compile(r"\bcheck\s*\(", re.I)
_PARENTHESIS = re.compile(r"[()]")


def constraints(session: Session) -> Iterator[tuple[str, list[str]]]:
    """Yield each table that has CHECK constraints, with their expressions."""
    rows = session.strict.execute(
        "SELECT CAST(name AS BLOB), CAST(sql AS BLOB) FROM main.sqlite_schema"
        " WHERE type = 'table' AND sql LIKE '%check%' AND sql NOT LIKE 'create virtual table %'"
    )
    for name, sql in rows:
        if expressions := expressions_of(session.text(sql)):
            yield session.text(name), expressions


def expressions_of(sql: str) -> list[str]:
    """Return what stands in the parentheses of every CHECK of a CREATE TABLE."""
    code = _NOT_CODE.sub(lambda found: " " * len(found[0]), sql)
    return [sql[found.end() : _closing(code, found.end())] for found in _CHECK.finditer(code)]


def is_violated(session: Session, table: str, expressions: list[str]) -> bool:
    """Tell whether a row breaks one of its table's constraints; raises `apsw.Error`."""
    broken = " OR ".join(f"NOT ({expression}\n)" for expression in expressions)
    sql = f"SELECT 1 FROM main.{quote(table)} NOT INDEXED WHERE {broken} LIMIT 1"
    return bool(session.strict.execute(sql).fetchall())


def _closing(code: str, start: int) -> int:
    depth = 1
    for found in _PARENTHESIS.finditer(code, start):
        depth += 1 if found[0] == "(" else -1
        if not depth:
            return found.start()
    return len(code)
