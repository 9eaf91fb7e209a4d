"""The order in which rows are looked at, and which rows come after a key, in terms an index can answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlite_recovery_tui.sqlite.child.failure import Failure
from sqlite_recovery_tui.sqlite.child.schema import Table
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.identifier import quote

BUILT_IN = frozenset(("BINARY", "NOCASE", "RTRIM"))
_ROWID_NAMES = ("rowid", "_rowid_", "oid")

Value = int | float | str | bytes | None
Key = tuple[Value, ...]


@dataclass(frozen=True)
class Term:
    """One part of a key: an expression that an index has as a column."""

    sql: str
    descending: bool = False
    nullable: bool = True


@dataclass(frozen=True)
class Span:
    """Rows that follow one another in an order: a condition and its bindings."""

    where: str = ""
    bindings: Key = ()


@dataclass(frozen=True)
class Order:
    """The parts of the key in the order of a b-tree; without any, rows come as SQLite gives them."""

    terms: tuple[Term, ...] = ()
    clause_only: str = ""
    """What to sort by where keys cannot be carried."""

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def key(self) -> str:
        """What to select for the key of a row."""
        return ", ".join(term.sql for term in self.terms)

    @property
    def is_descending(self) -> bool:
        return self.terms[0].descending

    def reversed(self) -> Order:
        """Return the same order from its other end."""
        return Order(tuple(replace(term, descending=not term.descending) for term in self.terms))

    def without_keys(self) -> Order:
        """Return the same order for rows that are found by counting only."""
        return Order((), self.clause())

    def clause(self, backwards: bool = False) -> str:
        """Return the ORDER BY, or the opposite of it."""
        if not self.terms:
            return self.clause_only
        terms = (term.sql + (" DESC" if term.descending != backwards else "") for term in self.terms)
        return f"ORDER BY {', '.join(terms)}"

    def all(self) -> list[Span]:
        """Return the one span that has every row."""
        return [Span()]

    def spans(self, key: Key | None) -> list[Span]:
        """Return where the rows from `key` on are; None: from the first on."""
        if key is None:
            return self.all()
        directions = {term.descending for term in self.terms}
        if len(directions) == 1 and not any(term.nullable for term in self.terms):
            sign = "<=" if self.is_descending else ">="
            return [Span(f"({self.key}) {sign} ({', '.join('?' * len(key))})", key)]
        return [*self._equal_to(key), *self._beyond(key)]

    def before(self, value: Value) -> list[Span]:
        """Return where the rows are whose first part comes before `value`."""
        opposite = replace(self.terms[0], descending=not self.terms[0].descending)
        return [Span(where, bindings) for where, bindings in _after(opposite, value)]

    def from_first(self, value: Value) -> list[Span]:
        """Return where the rows are whose first part is `value` or comes after it."""
        first = self.terms[0]
        return [Span(f"{first.sql} IS ?", (value,)), *(Span(*each) for each in _after(first, value))]

    def _equal_to(self, key: Key) -> Iterator[Span]:
        """Yield the rows that have all of the key; the last part tells rows apart."""
        *fixed, last = self.terms
        sign = "<=" if last.descending else ">="
        if key[-1] is None:
            yield Span(" AND ".join(f"{term.sql} IS ?" for term in self.terms), key)
            yield from (self._joined(fixed, key, each) for each in _after(last, None))
        else:
            yield self._joined(fixed, key, (f"{last.sql} {sign} ?", key[-1:]))
            if last.descending and last.nullable:
                yield self._joined(fixed, key, (f"{last.sql} IS NULL", ()))

    def _beyond(self, key: Key) -> Iterator[Span]:
        """Yield the rows that share ever less of the key, and come after it."""
        for length in range(len(self.terms) - 1, 0, -1):
            for condition in _after(self.terms[length - 1], key[length - 1]):
                yield self._joined(self.terms[: length - 1], key, condition)

    def _joined(self, fixed: list[Term] | tuple[Term, ...], key: Key, condition: tuple[str, Key]) -> Span:
        where = " AND ".join([*(f"{term.sql} IS ?" for term in fixed), condition[0]])
        return Span(where, (*key[: len(fixed)], *condition[1]))


def _after(term: Term, value: Value) -> list[tuple[str, Key]]:
    """Return conditions for what comes after `value`, in order; NULL is the smallest of all."""
    if not term.descending:
        return [(f"{term.sql} IS NOT NULL", ())] if value is None else [(f"{term.sql} > ?", (value,))]
    if value is None:
        return []
    rest: list[tuple[str, Key]] = [(f"{term.sql} IS NULL", ())] if term.nullable else []
    return [(f"{term.sql} < ?", (value,)), *rest]


def rowid_of(table: Table) -> str:
    """Return the expression for the rowid; `NULL` for a table that has none, or hides it."""
    if table.kind not in ("table", "shadow") or table.without_rowid:
        return "NULL"
    taken = {name.lower() for name, *_ in table.columns}
    return next((f"t.{name}" for name in _ROWID_NAMES if name not in taken), "NULL")


def natural_order(session: Session, table: Table) -> Order:
    """Return the order in which a table lies on disk."""
    if table.kind not in ("table", "shadow"):
        return Order()
    if table.without_rowid:
        index = next(name for name, _, origin, _ in table.indexes if origin == "pk")
        return index_order(session, table, index, key_only=True) or Order()
    rowid = rowid_of(table)
    return Order((Term(rowid, nullable=False),)) if rowid != "NULL" else Order()


def index_order(session: Session, table: Table, index: str, *, key_only: bool = False) -> Order | None:
    """Return the order of an index; None for one that cannot be paged through.

    Those are partial ones, ones on expressions, and ones whose order only the application knows.
    """
    rows: list[Any] = session.browse.execute(
        "SELECT cid, CAST(name AS BLOB), \"desc\", coll, key FROM pragma_index_xinfo(?, 'main')"
        " ORDER BY seqno",
        (index,),
    ).fetchall()
    needed = {name for name, _, _, not_null, _ in table.columns if not_null}
    keyed = {name for name, _, place, _, _ in table.columns if place} if table.without_rowid else set()
    terms, met = [], set()
    for cid, raw, descending, collation, is_key in rows:
        if key_only and not is_key:
            continue
        if cid < -1 or str(collation).upper() not in BUILT_IN:
            return None
        if cid == -1:
            terms.append(Term(rowid_of(table), bool(descending), nullable=False))
            continue
        name = session.text(raw)
        if name not in met:
            nullable = name not in needed and name not in keyed
            terms.append(Term(f"t.{quote(name)} COLLATE {collation}", bool(descending), nullable))
        met.add(name)
    return Order(tuple(terms)) if terms and all(term.sql != "NULL" for term in terms) else None


def chosen_order(session: Session, table: Table, index: str, *, descending: bool) -> tuple[Order, str]:
    """Return the order by `index` ("": as on disk) and the words that make SQLite use that index.

    Raises `Failure` where a table cannot be paged through in that order.
    """
    order, hint = natural_order(session, table), ""
    if index:
        found = next((each for each in table.indexes if each[0] == index), None)
        if found is None:
            raise Failure("not-found", f"the table {table.name!r} has no index {index!r}")
        by_index = None if found[3] else index_order(session, table, index)
        if by_index is None:
            raise Failure("usage", f"rows cannot be paged by the index {index!r}: {_why(bool(found[3]))}")
        order, hint = by_index, f" INDEXED BY {quote(index)}"
    if descending and not order:
        raise Failure("usage", f"{table.name!r} has no order that could be turned round")
    return (order.reversed() if descending else order), hint


def _why(is_partial: bool) -> str:
    return "it has only some of the rows" if is_partial else "only its application knows its order"
