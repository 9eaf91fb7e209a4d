"""Deep pages without OFFSET: where row N begins, found from the nearest key that is known already.

SQLite has no way to the Nth row but counting. Keys of rows are remembered as they are passed, so a page costs
its own rows and at most a stride of counting, and a jump far ahead counts each row once.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import apsw

from sqlite_recovery_tui.sqlite.child.schema import Table, quote
from sqlite_recovery_tui.sqlite.child.session import Session

_STRIDE = 5000
_MOST_ANCHORS = 100_000
_LAST = (1 << 63) - 1
_BUILT_IN = frozenset(("BINARY", "NOCASE", "RTRIM"))
_ROWID_NAMES = ("rowid", "_rowid_", "oid")

Value = int | float | str | bytes | None
Key = tuple[Value, ...]


@dataclass
class Place:
    """Where to read: SQL that goes between FROM and LIMIT, its bindings, and rows to skip then."""

    where: str
    bindings: Key
    skip: int
    backwards: bool = False


@dataclass
class Pager:
    """The keys that are known of one table, and what they are made of."""

    source: str
    terms: tuple[str, ...]
    """Expressions whose ascending order is the order of the table's b-tree; empty: only OFFSET is left."""
    rowid: str = "NULL"
    """The expression for the rowid, where there is one."""
    total: int | None = None
    dense_from: int | None = None
    """The first rowid, when the rowids are known to have no holes."""
    indexes: list[int] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    def place(self, session: Session, offset: int, limit: int) -> Place:
        """Return how to read `limit` rows from row `offset` on, counting ahead when it must."""
        if not self.terms:
            return Place("", (), offset)
        if self.dense_from is not None:
            return Place(f"{self._from()} {self._order()}", (min(self.dense_from + offset, _LAST),), 0)
        if self.total is not None and self._is_near_end(offset, limit):
            return Place(self._order(" DESC"), (), max(0, self.total - offset - limit), backwards=True)
        index, key = self._count_ahead(session, offset)
        where = self._order() if key is None else f"{self._from()} {self._order()}"
        return Place(where, key or (), offset - index)

    def count_done(self, session: Session, total: int) -> None:
        """Learn from a count; a table without holes in its rowids needs no counting from now on."""
        self.total = total
        if self.rowid == "NULL" or not total:
            return
        sql = f"SELECT (SELECT min({self.rowid}) FROM {self.source}), max({self.rowid}) FROM {self.source}"
        ((low, high),) = session.browse.execute(sql).fetchall()
        if isinstance(low, int) and isinstance(high, int) and high - low + 1 == total:
            self.dense_from = low

    def _is_near_end(self, offset: int, limit: int) -> bool:
        assert self.total is not None
        index, _ = self._nearest(offset)
        return 0 < self.total - offset <= limit + _STRIDE < offset - index

    def _nearest(self, offset: int) -> tuple[int, Key | None]:
        found = bisect_right(self.indexes, offset) - 1
        return (self.indexes[found], self.keys[found]) if found >= 0 else (0, None)

    def _count_ahead(self, session: Session, offset: int) -> tuple[int, Key | None]:
        index, key = self._nearest(offset)
        while offset - index > _STRIDE:
            session.watch.step(index)
            following = self._key_after(session, key, _STRIDE)
            if following is None:
                break
            index, key = index + _STRIDE, following
            self.remember(index, key)
        return index, key

    def _key_after(self, session: Session, key: Key | None, rows: int) -> Key | None:
        where = "" if key is None else self._from()
        select = f"SELECT {', '.join(self.terms)} FROM {self.source}"
        sql = f"{select} {where} {self._order()} LIMIT 1 OFFSET {rows}"
        try:
            return next(iter(session.browse.execute(sql, key or ())), None)
        except (UnicodeError, apsw.NoMemError, apsw.TooBigError):
            # A key that cannot be carried: this table is paged by OFFSET alone.
            self.terms = ()
            return None

    def remember(self, index: int, key: Key) -> None:
        """Note that row `index` has this key."""
        at = bisect_right(self.indexes, index)
        known = at > 0 and self.indexes[at - 1] == index
        if not known and len(self.indexes) < _MOST_ANCHORS:
            self.indexes.insert(at, index)
            self.keys.insert(at, key)

    def _from(self) -> str:
        places = ", ".join("?" * len(self.terms))
        return f"WHERE ({', '.join(self.terms)}) >= ({places})"

    def _order(self, direction: str = "") -> str:
        return "ORDER BY " + ", ".join(term + direction for term in self.terms)


def pager(session: Session, table: Table) -> Pager:
    """Find out in which order a table lies on disk, and start without any known key."""
    source = f"main.{quote(table.name)} AS t"
    if table.kind not in ("table", "shadow"):
        return Pager(source, ())
    if table.without_rowid:
        return Pager(source, _primary_key(session, table))
    taken = {name.lower() for name, *_ in table.columns}
    rowid = next((f"t.{name}" for name in _ROWID_NAMES if name not in taken), None)
    return Pager(source, (rowid,), rowid) if rowid else Pager(source, ())


def _primary_key(session: Session, table: Table) -> tuple[str, ...]:
    index = next(name for name, _, origin, _ in table.indexes if origin == "pk")
    rows = session.browse.execute(
        "SELECT CAST(name AS BLOB), \"desc\", coll FROM pragma_index_xinfo(?, 'main')"
        " WHERE key ORDER BY seqno",
        (index,),
    ).fetchall()
    if any(descending or str(collation).upper() not in _BUILT_IN for _, descending, collation in rows):
        return ()
    return tuple(f"t.{quote(session.text(name))} COLLATE {collation}" for name, _, collation in rows)
