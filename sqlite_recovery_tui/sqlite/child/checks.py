"""The checks of a file: a verdict, whatever the file does.

`PRAGMA integrity_check` of one table tells how far it is and fails for that table alone, but pages that are
used twice or not at all are seen only over the whole file. Checking each table and accounting for the pages
afterwards is both, and costs little more than checking the whole file once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import apsw

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.sqlite.child import schema
from sqlite_recovery_tui.sqlite.child.accounting import page_faults
from sqlite_recovery_tui.sqlite.child.constraints import constraints, is_violated
from sqlite_recovery_tui.sqlite.child.failure import Failure, explain, is_damage, missing_part
from sqlite_recovery_tui.sqlite.child.missing import StandIns
from sqlite_recovery_tui.sqlite.child.schema import Table
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.identifier import quote

MOST_MESSAGES = 100
_HEADER = "*** in database main ***"
_PRAGMAS = {"quick": "quick_check", "full": "integrity_check"}
# With so many tables, a pass for each costs more than all together.
_MANY_TABLES = 1000
_DEPENDS_ON_MEANING = ("NULL value in", "row ", "rowid not at end", "non-unique entry in")


@dataclass
class Findings:
    """What a check found so far."""

    damage: dict[str, None] = field(default_factory=dict)
    """In the order found, each once."""
    unchecked: dict[str, None] = field(default_factory=dict)
    stopped: str = ""

    def add(self, rows: list[str]) -> None:
        """Take the rows of a check, several lines each."""
        for row in rows:
            for line in row.splitlines():
                if line.strip() and line not in ("ok", _HEADER) and len(self.damage) <= MOST_MESSAGES:
                    self.damage[line] = None

    def failed(self, what: str, error: Exception) -> None:
        """Take what ended a check of `what`: damage, or something that only the application has."""
        message = explain(error).message
        parts = missing_part(error)
        if is_damage(error):
            self.damage[f"{what}: {message}" if what else message] = None
        elif parts:
            self.unchecked[_without(what or "the file", *parts)] = None
        else:
            self.unchecked[f"{what or 'the file'}: {message}"] = None

    def to_wire(self) -> dict[str, Any]:
        """Return verdict and messages, damage first."""
        messages = [*self.damage, *self.unchecked]
        if len(messages) > MOST_MESSAGES:
            messages = [*messages[:MOST_MESSAGES], f"and more: only {MOST_MESSAGES} are listed"]
        if self.stopped:
            messages.append(self.stopped)
        verdict = "ok"
        if self.damage:
            verdict = "damaged"
        elif self.stopped:
            verdict = "timed-out"
        elif self.unchecked:
            verdict = "not-checkable"
        return {"verdict": verdict, "messages": messages}


def integrity(session: Session, kind: str) -> dict[str, Any]:
    """Check the file's structure; `kind` full also compares every index with its table."""
    return _run(session, lambda findings: _integrity(session, kind, findings))


def foreign_keys(session: Session) -> dict[str, Any]:
    """Look for rows that refer to none, table by table."""
    return _run(session, lambda findings: _foreign_keys(session, findings))


def _run(session: Session, work: Any) -> dict[str, Any]:
    findings = Findings()
    try:
        work(findings)
    except (apsw.Error, Failure, FormatError, MemoryError, OSError, UnicodeError) as error:
        _stopped_by(session, findings, error)
    finally:
        session.release()
    return findings.to_wire()


def _stopped_by(session: Session, findings: Findings, error: Exception) -> None:
    reason = session.watch.stopped
    if reason and reason.kind == "cancelled":
        raise reason
    if reason:
        findings.stopped = "stopped at the time limit before everything was checked"
    elif isinstance(error, Failure) and error.kind == "damaged":
        findings.damage[error.message] = None
    else:
        findings.failed("", error)


def _integrity(session: Session, kind: str, findings: Findings) -> None:
    session.watch.phase("reading the schema")
    tables = [each for each in schema.tables(session, details=False) if each.kind != "view"]
    for name, module in schema.missing_modules(session, tables).items():
        findings.unchecked[_without(_shown(name), "module", module)] = None
    if kind == "full" and len(tables) <= _MANY_TABLES:
        _tables_first(session, tables, findings)
    else:
        _file_first(session, kind, tables, findings)
    _constraints(session, findings)


def _tables_first(session: Session, tables: list[Table], findings: Findings) -> None:
    """Check each table with its indexes, then that every page belongs to one of them."""
    known = len(findings.unchecked)
    _each_table(session, "full", tables, findings)
    sound = not findings.damage and len(findings.unchecked) == known
    if sound and not _number(session.strict, "PRAGMA auto_vacuum"):
        findings.add(page_faults(session, MOST_MESSAGES))
    else:
        _whole_file(session, "quick_check", findings)


def _file_first(session: Session, kind: str, tables: list[Table], findings: Findings) -> None:
    """Check everything at once; table by table only when something kept that from being complete."""
    if not _whole_file(session, _PRAGMAS[kind], findings):
        _each_table(session, kind, tables, findings)


def _whole_file(session: Session, pragma: str, findings: Findings) -> bool:
    """Check the whole file; return False when it could not be checked as it is."""
    stand_ins = StandIns(session)
    connection = stand_ins.connection
    pages = _number(connection, "PRAGMA page_count")
    session.watch.phase(
        "checking pages", total=pages, unit="pages", measure=lambda: min(pages, _pages_read(connection))
    )
    try:
        rows = stand_ins.run(f"PRAGMA main.{pragma}({MOST_MESSAGES})")
    except (apsw.Error, UnicodeError) as error:
        if session.watch.stopped or isinstance(error, apsw.NotADBError):
            raise
        findings.failed("", error)
        return False
    if stand_ins.names:
        rows = [row for row in rows if not row.startswith(_DEPENDS_ON_MEANING)]
    findings.add(rows)
    return not stand_ins.names


def _each_table(session: Session, kind: str, tables: list[Table], findings: Findings) -> None:
    names = ["sqlite_schema", *(table.name for table in tables)]
    session.watch.phase("checking tables", total=len(names), unit="tables")
    for done, name in enumerate(names):
        session.watch.announce(done, name)
        try:
            sql = f"PRAGMA main.{_PRAGMAS[kind]}({quote(name)})"
            findings.add([str(row[0]) for row in session.strict.execute(sql)])
        except (apsw.Error, UnicodeError) as error:
            if session.watch.stopped:
                raise
            findings.failed(_shown(name), error)


def _constraints(session: Session, findings: Findings) -> None:
    session.watch.phase("checking constraints", unit="tables")
    for done, (table, expressions) in enumerate(constraints(session)):
        session.watch.step(done, table)
        try:
            if is_violated(session, table, expressions):
                findings.damage[f"CHECK constraint failed in {table}"] = None
        except (apsw.Error, UnicodeError) as error:
            if session.watch.stopped:
                raise
            findings.failed(f"the CHECK constraints of {_shown(table)}", error)


def _foreign_keys(session: Session, findings: Findings) -> None:
    tables = [each for each in schema.tables(session, details=False) if each.kind == "table"]
    session.watch.phase("checking foreign keys", total=len(tables), unit="tables")
    for done, table in enumerate(tables):
        session.watch.step(done, table.name)
        try:
            _references(session, table.name, findings)
        except (apsw.Error, UnicodeError) as error:
            if session.watch.stopped:
                raise
            findings.failed(_shown(table.name), error)


def _references(session: Session, table: str, findings: Findings) -> None:
    sql = f"PRAGMA main.foreign_key_check({quote(table)})"
    for _, rowid, parent, _ in session.strict.execute(sql):
        if len(findings.damage) > MOST_MESSAGES:
            return
        row = "a row" if rowid is None else f"row {rowid}"
        findings.damage[
            f"{row} of {_shown(table)} refers to a row of {_shown(str(parent))} that is not there"
        ] = None


def _pages_read(connection: apsw.Connection) -> int:
    return connection.status(apsw.SQLITE_DBSTATUS_CACHE_MISS)[0]


def _number(connection: apsw.Connection, sql: str) -> int:
    return int(str(connection.execute(sql).fetchall()[0][0]))


def _without(what: str, kind: str, name: str) -> str:
    return f"{what} cannot be checked without the {kind} {name}, which only its application has"


def _shown(name: str) -> str:
    return f"table {name}"
