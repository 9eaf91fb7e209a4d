"""Read-only statements of the operator: one at a time, rows limited, values cut inside SQLite."""

from __future__ import annotations

import re
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child.cells import expression, first_columns, fit, page
from sqlite_recovery_tui.sqlite.child.failure import Failure, is_damage
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.messages import encode_text

_MOST_ROWS = 10_000
_COMMENTS = r"--[^\n]*|(?>/\*.*?(?:\*/|\Z))"
_SELECT = re.compile(rf"(?:\s|{_COMMENTS})*(?:select|values|with)\b", re.I | re.S)
_NOTHING = re.compile(rf"(?:[\s;]|{_COMMENTS})*\Z", re.S)
_SHOWN_BYTES = 1024


def query(session: Session, sql: str, limit: int) -> dict[str, Any]:
    """Run one reading statement and return its first rows."""
    statement, names = _checked(session, sql)
    columns, notices = first_columns(session.limits, names)
    limit, width = fit(session.limits, min(limit, _MOST_ROWS), len(columns))
    if _SELECT.match(statement):
        wrapped = _wrapped(statement, len(names), len(columns), limit, width)
        rows = [list(row) for row in session.browse.execute(wrapped)]
    else:
        rows = _direct(session, statement, limit)
    if session.stand_ins:
        names = sorted(session.stand_ins)
        notices.append(f"collations only the application has compare byte by byte: {', '.join(names)}")
    return page(
        session.encoding,
        columns=columns,
        rows=rows[:limit],
        first=0,
        has_more=len(rows) > limit,
        notices=notices,
    )


def prepare(session: Session, sql: str) -> tuple[str, list[str]]:
    """Return the first statement of `sql` and its columns, without running it; ("", []) when there is none.

    Raises `apsw.Error` in SQLite's words.
    """
    seen: list[tuple[str, list[str]]] = []

    def trace(cursor: apsw.Cursor, statement: str, _: object) -> bool:
        seen.append((statement, [str(column[0]) for column in cursor.get_description()]))
        return False

    session.guard.denied = ""
    cursor = session.browse.cursor()
    cursor.exec_trace = trace
    try:
        cursor.execute(sql)
    except apsw.ExecTraceAbort:
        return seen[0]
    finally:
        cursor.close()
    return "", []


def _checked(session: Session, sql: str) -> tuple[str, list[str]]:
    try:
        statement, names = prepare(session, sql)
    except apsw.BindingsError:
        raise Failure("usage", "parameters are not supported: write the values themselves") from None
    except (apsw.AuthError, apsw.SQLError, apsw.ReadOnlyError) as error:
        raise _reworded(session, error) from error
    if _NOTHING.match(statement):
        raise Failure("usage", "there is no statement to run")
    if not _NOTHING.match(sql.partition(statement)[2]):
        raise Failure("usage", "one statement at a time, please")
    if not names:
        raise Failure("usage", "only statements that return rows can be run: this is read-only")
    return statement, names


def _reworded(session: Session, error: apsw.Error) -> Exception:
    if session.guard.denied:
        return Failure("usage", f"read-only: {session.guard.denied} is not allowed here")
    if is_damage(error) or session.watch.stopped:
        return error
    return Failure("usage", str(error))


def _wrapped(statement: str, columns: int, shown: int, limit: int, width: int) -> str:
    """Return SQL that runs a SELECT with its values cut inside SQLite.

    Two LIMITs keep the statement from being merged into the outer one, which would evaluate its
    expressions more than once.
    """
    body = re.sub(r"[\s;]+\Z", "", statement)
    names = [f"c{number}" for number in range(columns)]
    cells = ", ".join(expression(name, width) for name in names[:shown])
    return (
        f'WITH "statement to run"({", ".join(names)}) AS ({body}\n)'
        f' SELECT {cells} FROM (SELECT * FROM "statement to run" LIMIT {limit + 1}) LIMIT {limit + 1}'
    )


def _direct(session: Session, statement: str, limit: int) -> list[list[Any]]:
    """Run EXPLAIN or a PRAGMA, whose values are small."""
    rows: list[list[Any]] = []
    for row in session.browse.execute(statement):
        rows.append([_as_cell(value, session.encoding) for value in row])
        if len(rows) > limit:
            break
    return rows


def _as_cell(value: object, encoding: str) -> Any:
    if isinstance(value, bytes):
        return f"b{len(value)}:{value[:_SHOWN_BYTES].hex()}"
    if isinstance(value, str):
        data = encode_text(value, encoding)
        return f"t{len(data)}:{data[:_SHOWN_BYTES].hex()}"
    return value
