"""Deep pages without OFFSET: where row N begins, found from the nearest key that is known already.

SQLite has no way to the Nth row but counting. Keys of rows are remembered as they are passed, so a page costs
its own rows and at most a stride of counting, and a jump far ahead counts each row once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child.order import Key, Order, Span
from sqlite_recovery_tui.sqlite.child.session import Session

_STRIDE = 5000
_MOST_ANCHORS = 100_000
_MOST_KEY_BYTES = 4096
_LAST = (1 << 63) - 1


@dataclass
class Place:
    """Where to read: spans that follow one another, and rows of them to skip first."""

    spans: list[Span]
    skip: int = 0
    backwards: bool = False


@dataclass
class Pager:
    """The keys that are known of one table in one order, of the rows that pass a filter."""

    source: str
    order: Order
    rowid: str = "NULL"
    """The expression for the rowid, where there is one."""
    where: str = ""
    """The condition that rows must meet; empty: none."""
    is_natural: bool = True
    """Whether the order is that of the rowids."""
    total: int | None = None
    dense: tuple[int, int] | None = None
    """The first and the last rowid, when the rowids are known to have no holes."""
    indexes: list[int] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    def place(self, session: Session, offset: int, limit: int) -> Place:
        """Return how to read `limit` rows from row `offset` on, counting ahead when it must."""
        if not self.order:
            return Place(self.order.all(), offset)
        if self.dense is not None:
            return Place(self.order.spans((self._dense_rowid(offset),)))
        if self.total is not None and self._is_near_end(offset, limit):
            return Place(self.order.all(), max(0, self.total - offset - limit), backwards=True)
        index, key = self._count_ahead(session, offset)
        return Place(self.order.spans(key), offset - index)

    def walk(self, session: Session, select: str, place: Place, wanted: int) -> Iterator[tuple[Any, ...]]:
        """Yield up to `wanted` rows of `select` from `place` on."""
        order, skip = self.order.clause(place.backwards), place.skip
        for number, span in enumerate(place.spans):
            where = self._conditions(span)
            if skip and number + 1 < len(place.spans):
                passed = self._rows_in(session, where, span, skip)
                if passed < skip:
                    skip -= passed
                    continue
            sql = f"SELECT {select} FROM {self.source}{where}{order} LIMIT {wanted} OFFSET {skip}"
            for row in session.browse.execute(sql, span.bindings):
                wanted -= 1
                yield row
            if wanted <= 0:
                return
            skip = 0

    def count(self, session: Session, span: Span | None = None) -> int:
        """Count the rows, or those of one span; all of them are remembered as the total."""
        chosen = span or Span()
        sql = f"SELECT count(*) FROM {self.source}{self._conditions(chosen)}"
        total = int(str(session.browse.execute(sql, chosen.bindings).fetchall()[0][0]))
        if span is None:
            self.count_done(session, total)
        return total

    def count_done(self, session: Session, total: int) -> None:
        """Learn from a count; a table without holes in its rowids needs no counting from now on."""
        if total == self.total:
            return
        self.total = total
        if self.rowid == "NULL" or not self.is_natural or self.where or not total:
            return
        sql = f"SELECT (SELECT min({self.rowid}) FROM {self.source}), max({self.rowid}) FROM {self.source}"
        ((low, high),) = session.browse.execute(sql).fetchall()
        if isinstance(low, int) and isinstance(high, int) and high - low + 1 == total:
            self.dense = low, high

    def locate(self, session: Session, value: str | int | float) -> int:
        """Return the number of the first row whose key begins with `value` or what comes after it."""
        before = sum(self.count(session, span) for span in self.order.before(value))
        place = Place(self.order.from_first(value))
        found = next(self.walk(session, self.order.key, place, 1), None)
        if found is not None:
            self.remember(before, tuple(found))
        return before

    def remember(self, index: int, key: Key) -> None:
        """Note that row `index` has this key."""
        at = bisect_right(self.indexes, index)
        known = at > 0 and self.indexes[at - 1] == index
        small = all(not isinstance(part, str | bytes) or len(part) <= _MOST_KEY_BYTES for part in key)
        if not known and small and len(self.indexes) < _MOST_ANCHORS:
            self.indexes.insert(at, index)
            self.keys.insert(at, key)

    def _conditions(self, span: Span) -> str:
        terms = [each for each in (span.where, f"({self.where}\n)" if self.where else "") if each]
        return f" WHERE {' AND '.join(terms)} " if terms else " "

    def _rows_in(self, session: Session, where: str, span: Span, most: int) -> int:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {self.source}{where} LIMIT {most})"
        return int(str(session.browse.execute(sql, span.bindings).fetchall()[0][0]))

    def _dense_rowid(self, offset: int) -> int:
        assert self.dense is not None
        first, last = self.dense
        return max(last - offset, -_LAST - 1) if self.order.is_descending else min(first + offset, _LAST)

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
        place = Place(self.order.spans(key), rows)
        try:
            return next((tuple(row) for row in self.walk(session, self.order.key, place, 1)), None)
        except (UnicodeError, apsw.NoMemError, apsw.TooBigError):
            # A key that cannot be carried: this table is paged by OFFSET alone.
            self.order = self.order.without_keys()
            return None
