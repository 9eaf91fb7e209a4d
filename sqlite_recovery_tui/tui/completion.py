"""Names for what is being typed: tables, columns, functions and words of SQL; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlite_recovery_tui.sqlite.identifier import quote

_WORD = re.compile(r"[^\W\d][\w$]*\Z")
_PLAIN = re.compile(r"[^\W\d][\w$]*\Z", re.A)
_QUALIFIED = re.compile(r'("(?:[^"]|"")*"|[^\W\d][\w$]*)\s*\.\Z')
_KEYWORDS = (
    *("SELECT", "DISTINCT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "ORDER", "LIMIT", "OFFSET", "JOIN"),
    *("LEFT", "INNER", "CROSS", "ON", "USING", "AS", "AND", "OR", "NOT", "NULL", "IS", "IN", "LIKE", "GLOB"),
    *("BETWEEN", "EXISTS", "CASE", "WHEN", "THEN", "ELSE", "END", "ASC", "DESC", "UNION", "ALL", "EXCEPT"),
    *("INTERSECT", "VALUES", "WITH", "RECURSIVE", "EXPLAIN", "QUERY", "PLAN", "CAST", "COLLATE", "OVER"),
)
_RESERVED = frozenset(_KEYWORDS) | {
    "TABLE",
    "INDEX",
    "CREATE",
    "DELETE",
    "UPDATE",
    "INSERT",
    "SET",
    "TO",
    "ADD",
}
MOST = 200


@dataclass(frozen=True, slots=True)
class Completion:
    """What could stand where the cursor is."""

    start: int
    """Where the word begins that is completed."""
    words: tuple[str, ...]
    """In the form in which they are written, the likeliest first."""

    @property
    def common(self) -> str:
        """What all of them begin with, in whatever case."""
        if not self.words:
            return ""
        folded = [word.lower() for word in self.words]
        first, last = min(folded), max(folded)
        differs = (place for place, letter in enumerate(first) if not last.startswith(letter, place))
        return self.words[0][: next(differs, len(first))]


@dataclass(frozen=True)
class Names:
    """What a database has names for."""

    tables: Sequence[tuple[str, Sequence[str]]] = ()
    """Tables and views with their columns."""
    functions: Sequence[str] = ()


def complete(typed: str, cursor: int, names: Names, *, table: str = "") -> Completion:
    """Return what could be meant by the word that ends at `cursor`; columns of `table` come first."""
    before = typed[:cursor]
    if before.count("'") % 2:
        return Completion(cursor, ())  # a text of the operator's own
    start = _start(before)
    wanted = before[start:].removeprefix('"').lower()
    qualifier = _QUALIFIED.search(before[:start].rstrip())
    if qualifier:
        pool: Iterable[str] = _columns_of(names, _unquoted(qualifier[1])) or _every_column(names, table)
    elif not wanted:
        return Completion(cursor, ())
    else:
        quoted = before[start:].startswith('"')
        pool = _everything(names, table, only_names=quoted)
    words = dict.fromkeys(word for word in pool if _unquoted(word).lower().startswith(wanted))
    return Completion(start, tuple(words)[:MOST])


def _start(before: str) -> int:
    """Return where the word begins that is typed: a name that may be quoted."""
    if before.count('"') % 2:
        return before.rindex('"')
    found = _WORD.search(before)
    return found.start() if found else len(before)


def written(name: str) -> str:
    """Return a name as SQL takes it: quoted where it must be."""
    if _PLAIN.match(name) and name.upper() not in _RESERVED:
        return name
    return quote(name)


def _everything(names: Names, table: str, *, only_names: bool) -> Iterable[str]:
    yield from _columns_of(names, table)
    yield from (written(name) for name, _ in names.tables)
    yield from _every_column(names, table)
    if not only_names:
        yield from (f"{name}(" for name in names.functions)
        yield from _KEYWORDS


def _columns_of(names: Names, table: str) -> list[str]:
    folded = table.lower()
    return [written(column) for name, columns in names.tables if name.lower() == folded for column in columns]


def _every_column(names: Names, table: str) -> list[str]:
    return [written(column) for name, columns in names.tables if name != table for column in columns]


def _unquoted(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') and word.endswith('"') else word.rstrip("(")
