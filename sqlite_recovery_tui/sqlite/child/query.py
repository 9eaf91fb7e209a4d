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
_ONE_STATEMENT = "one statement at a time, please"


def query(session: Session, sql: str, limit: int) -> dict[str, Any]:
    """Run one reading statement and return its first rows."""
    statement, names = checked(session, sql)
    columns, notices = first_columns(session.limits, names)
    limit, width = fit(session.limits, min(limit, _MOST_ROWS), len(columns))
    if is_select(statement):
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


def check_condition(session: Session, source: str, condition: str) -> None:
    """Raise `Failure` unless `condition` can filter the rows of `source` and is nothing else."""
    shell = f"SELECT 1 FROM {source} WHERE ("
    try:
        checked(session, f"{shell}{condition}\n)", before=len(shell.encode()))
    except Failure as failure:
        if failure.message == _ONE_STATEMENT:
            raise Failure("usage", "a condition, please: one expression without a semicolon") from None
        raise


def checked(session: Session, sql: str, *, before: int = 0) -> tuple[str, list[str]]:
    """Return the one statement of `sql` and its columns; `before` bytes of it are not the operator's.

    Raises `Failure` for what is no single statement that returns rows, in SQLite's words.
    """
    try:
        statement, names = prepare(session, sql)
    except apsw.BindingsError:
        raise Failure("usage", "parameters are not supported: write the values themselves") from None
    except (apsw.AuthError, apsw.SQLError, apsw.ReadOnlyError) as error:
        raise _reworded(session, error, before) from error
    if _NOTHING.match(statement):
        raise Failure("usage", "there is no statement to run")
    if not _NOTHING.match(sql.partition(statement)[2]):
        raise Failure("usage", _ONE_STATEMENT)
    if not names:
        raise Failure("usage", "only statements that return rows can be run: this is read-only")
    return statement, names


def _reworded(session: Session, error: apsw.Error, before: int) -> Exception:
    if session.guard.denied:
        return Failure("usage", f"read-only: {session.guard.denied} is not allowed here")
    if is_damage(error) or session.watch.stopped:
        return error
    place = getattr(error, "error_offset", -1) - before
    return Failure("usage", str(error), place=place if place >= 0 else None)


def unended(statement: str) -> str:
    """Return a statement without the semicolon at its end, so that it can stand inside another."""
    return re.sub(r"[\s;]+\Z", "", statement)


def is_select(statement: str) -> bool:
    """Tell whether a statement can stand inside another, unlike EXPLAIN and PRAGMA."""
    return bool(_SELECT.match(statement))


def _wrapped(statement: str, columns: int, shown: int, limit: int, width: int) -> str:
    """Return SQL that runs a SELECT with its values cut inside SQLite.

    Two LIMITs keep the statement from being merged into the outer one, which would evaluate its
    expressions more than once.
    """
    body = unended(statement)
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
