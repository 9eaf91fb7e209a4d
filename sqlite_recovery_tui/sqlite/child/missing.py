"""What an application would have registered before it opened the database, and this process has not."""

from __future__ import annotations

import re

import apsw

from sqlite_recovery_tui.sqlite.child.failure import missing_part
from sqlite_recovery_tui.sqlite.child.schema import Table, quote
from sqlite_recovery_tui.sqlite.child.session import Session

_MOST_FUNCTIONS = 200
# A walk over the pages meets each once: a large cache would only cost memory.
_WALK_CACHE = 8 << 20
_NOT_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.S)
_CHECK = re.compile(r"\bcheck\s*\(", re.I)
_PARENTHESIS = re.compile(r"[()]")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(|\b(REGEXP)\b", re.I)
_KEYWORDS = frozenset(
    ("and", "between", "case", "cast", "exists", "glob", "in", "is", "like", "match", "not", "or", "when")
)


class StandIns:
    """A connection on which every collation and function is there, the missing ones without meaning.

    With it the pages of a database can be checked whatever its application has registered; what depends on
    the meaning, such as the order of an index, cannot.
    """

    def __init__(self, session: Session) -> None:
        self.connection = session.open(cache_bytes=_WALK_CACHE)
        self.connection.collation_needed(self._add_collation)
        self.names: list[tuple[str, str]] = []

    def run(self, sql: str) -> list[str]:
        """Run a check and return its messages, registering functions until it is content."""
        while True:
            try:
                return [str(row[0]) for row in self.connection.execute(sql)]
            except apsw.SQLError as error:
                if not self._add_function(error):
                    raise

    def _add_collation(self, connection: apsw.Connection, name: str) -> None:
        self.names.append(("collation", name))
        connection.create_collation(name, lambda left, right: (left > right) - (left < right))

    def _add_function(self, error: apsw.SQLError) -> bool:
        part = missing_part(error)
        if not part or part[0] != "function" or part in self.names or len(self.names) > _MOST_FUNCTIONS:
            return False
        self.names.append(part)
        self.connection.create_scalar_function(
            part[1], lambda *_: None, deterministic=True, flags=apsw.SQLITE_INNOCUOUS
        )
        return True


def unchecked_constraints(session: Session, tables: list[Table]) -> dict[str, str]:
    """Return tables whose CHECK constraints SQLite drops, with the functions it does not know.

    SQLite says nothing of it: the program of its check just has no code for them. It has none for some
    constraints of known functions either, which are no reason for a doubt.
    """
    found: dict[str, str] = {}
    for table in tables:
        constraints = _constraints(table.sql)
        if constraints and not _has_check(session, table.name):
            called = {(call[1] or call[2]).lower() for call in _CALL.finditer(constraints)}
            unknown = sorted(called - _functions(session) - _KEYWORDS)
            if unknown:
                found[table.name] = ", ".join(unknown)
    return found


def _constraints(sql: str) -> str:
    """Return the text inside the parentheses of every CHECK of a CREATE TABLE."""
    code = _NOT_CODE.sub(" ", sql)
    return " ".join(code[found.end() : _closing(code, found.end())] for found in _CHECK.finditer(code))


def _closing(code: str, start: int) -> int:
    depth = 1
    for found in _PARENTHESIS.finditer(code, start):
        depth += 1 if found[0] == "(" else -1
        if not depth:
            return found.start()
    return len(code)


def _functions(session: Session) -> set[str]:
    return {str(row[0]).lower() for row in session.strict.execute("SELECT name FROM pragma_function_list")}


def _has_check(session: Session, table: str) -> bool:
    try:
        program = session.strict.execute(f"EXPLAIN PRAGMA main.quick_check({quote(table)})")
        return any(str(step[5]).startswith("CHECK constraint failed in") for step in program)
    except apsw.SQLError:
        # The check itself will say what is missing.
        return True
