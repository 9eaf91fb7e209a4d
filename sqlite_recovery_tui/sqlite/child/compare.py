"""Two databases side by side: their schemas, and the rows in which a table differs, found by SQLite itself.

The second database is attached to the first one's connection. Rows are matched by primary key, or by rowid
where there is none; values are equal when their type and their bytes are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes

import apsw

from sqlite_recovery_tui.sqlite.child import query
from sqlite_recovery_tui.sqlite.child.cells import WHOLE_BYTES, expression, fit
from sqlite_recovery_tui.sqlite.child.failure import Failure
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.identifier import quote

_CACHE_BYTES = 32 << 20
_SCHEMA = (
    "SELECT type, name, tbl_name, sql FROM {side}.sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_ROWIDS = ("rowid", "_rowid_", "oid")
_EXACT_ROWS = 200
_COMPUTED = (2, 3)  # how table_xinfo calls generated columns


@dataclass(frozen=True)
class Shape:
    """How the rows of one table are matched."""

    name: str
    columns: tuple[str, ...]
    """Those that both sides have, computed ones left out."""
    key: tuple[str, ...]
    order: str
    """By what rows come without being sorted."""
    presence: str
    """A column that no row lacks."""
    left_only: tuple[str, ...]
    right_only: tuple[str, ...]

    def to_wire(self) -> dict[str, Any]:
        """Return what `comparison.decode_shape` reads."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "key": list(self.key),
            "left_only": list(self.left_only),
            "right_only": list(self.right_only),
        }


class Comparing:
    """One comparison; the rows of one table at a time."""

    def __init__(self, session: Session, other: str, *, immutable: bool) -> None:
        """Attach the database at the path `other` (as hexadecimal bytes)."""
        self._session = session
        self.connection = session.open(cache_bytes=_CACHE_BYTES)
        path = quote_from_bytes(os.path.realpath(bytes.fromhex(other)))
        uri = f"file://{path}?mode=ro{'&immutable=1' if immutable else ''}"
        guard = self.connection.authorizer
        self.connection.authorizer = None
        self.connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 1)
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.connection.set_busy_timeout(5000)
        try:
            self.connection.execute("ATTACH DATABASE ? AS other", (uri,))
        except apsw.SQLError as error:
            if "encoding" in str(error):
                raise Failure("usage", "their text encodings differ: rows cannot be compared") from None
            raise
        # Both sides stand still until the comparison ends, whoever writes meanwhile.
        self.connection.execute("BEGIN")
        self.connection.authorizer = guard
        for side in ("main", "other"):
            self.connection.execute(f"SELECT count(*) FROM {side}.sqlite_schema").fetchall()
        self._rows: Iterator[list[Any]] = iter(())
        self._width = 0
        self.differing: bytes | None = None
        """A bit for each page, from page 1 on: set where both files differ; None where nobody knows."""

    def schema(self) -> dict[str, list[list[Any]]]:
        """Return the objects of both schemas."""
        return {
            side: [list(row) for row in self.connection.execute(_SCHEMA.format(side=side))]
            for side in ("main", "other")
        }

    def count(self, side: str, table: str) -> int:
        """Count the rows of a table on one side."""
        rows = self.connection.execute(f"SELECT count(*) FROM {side}.{quote(table)}")
        return int(str(rows.fetchall()[0][0]))

    def is_same(self, table: str) -> bool:
        """Tell whether every page of a table is known to be the same on both sides."""
        if self.differing is None or len({self._origin(side, table) for side in ("main", "other")}) > 1:
            return False
        pages = self.connection.execute("SELECT pageno FROM dbstat('main') WHERE name = ?", (table,))
        try:
            return not any(self._differs(int(str(page)) - 1) for (page,) in pages)
        except apsw.CorruptError:
            return False  # whoever reads its rows will tell

    def _origin(self, side: str, table: str) -> tuple[Any, ...]:
        """Return where a table begins and how it was made; unlike any other where it cannot be told."""
        rows = self.connection.execute(
            f"SELECT rootpage, sql FROM {side}.sqlite_schema WHERE type = 'table' AND name = ?", (table,)
        ).fetchall()
        return tuple(rows) if len(rows) == 1 else (side, *rows)

    def _differs(self, number: int) -> bool:
        assert self.differing is not None
        byte, bit = divmod(number, 8)
        return byte >= len(self.differing) or bool(self.differing[byte] >> bit & 1)

    def start(self, table: str, *, exact: bool, where: str) -> dict[str, Any]:
        """Begin with the differences of one table, on the left of rows that fulfil `where` if it is given."""
        shape = self._shape(table)
        if where:
            query.check_condition(self._session, f"main.{quote(shape.name)}", where)
        limits = self._session.limits
        self._limit, width = fit(limits, _EXACT_ROWS if exact else 1000, max(1, 2 * len(shape.columns)))
        self._width = WHOLE_BYTES if exact else width
        self._rows = self._differences(shape, where)
        return shape.to_wire()

    def following(self) -> dict[str, Any]:
        """Return the next differences, fewer than there is room for only at the end."""
        rows: list[list[Any]] = []
        size = 0
        for row in self._rows:
            rows.append(row)
            size += sum(len(cell) for side in row[1:] if side for cell in side if isinstance(cell, str))
            if len(rows) >= self._limit or size > self._session.limits.reply_bytes // 4:
                return {"rows": rows, "more": True, "encoding": self._session.encoding}
        return {"rows": rows, "more": False, "encoding": self._session.encoding}

    def _differences(self, shape: Shape, where: str) -> Iterator[list[Any]]:
        """Yield ["-" or "~" or "+", cells of the left, cells of the right]."""
        name, count = quote(shape.name), len(shape.columns)
        same_row = " AND ".join(f"l.{quote(key)} IS r.{quote(key)}" for key in shape.key)
        differs = " OR ".join(
            f"l.{c} IS NOT r.{c} COLLATE BINARY OR typeof(l.{c}) <> typeof(r.{c})"
            for c in map(quote, shape.columns)
        )
        left, right = (
            ", ".join(expression(f"{side}.{quote(column)}", self._width) for column in shape.columns)
            for side in "lr"
        )
        gone = f"r.{shape.presence} IS NULL"
        first = (
            f"SELECT {gone}, {left}, {right} FROM main.{name} AS l LEFT JOIN other.{name} AS r ON {same_row} "
            f"WHERE ({gone} OR {differs or '0'}){_only(shape, where)} ORDER BY {shape.order.format(side='l')}"
        )
        for row in self.connection.execute(first):
            values = list(row)
            if values[0]:
                yield ["-", values[1 : 1 + count], None]
            else:
                yield ["~", values[1 : 1 + count], values[1 + count :]]
        second = (
            f"SELECT {right} FROM other.{name} AS r WHERE NOT EXISTS "
            f"(SELECT 1 FROM main.{name} AS l WHERE {same_row}) ORDER BY {shape.order.format(side='r')}"
        )
        for row in self.connection.execute(second):
            yield ["+", None, list(row)]

    def _shape(self, table: str) -> Shape:
        left, right = self._columns("main", table), self._columns("other", table)
        both = [name for name in left if name in right]
        keys = [tuple(_key(columns)) for columns in (left, right)]
        without_rowid = [self._is_without_rowid(side, table) for side in ("main", "other")]
        rowid = next((name for name in _ROWIDS if name not in {each.lower() for each in both}), "")
        if keys[0] != keys[1] or without_rowid[0] != without_rowid[1] or not (keys[0] or rowid):
            raise Failure(
                "usage", f"the rows of {table} cannot be matched: its key is not the same on both sides"
            )
        columns = tuple(name for name in both if not left[name][1] and not right[name][1])
        if without_rowid[0]:
            order, presence = ", ".join(f"{{side}}.{quote(key)}" for key in keys[0]), quote(keys[0][0])
        else:
            order, presence = (f"{{side}}.{rowid}", rowid) if rowid else ("1", quote(keys[0][0]))
        is_hidden = not keys[0]
        return Shape(
            table,
            ((rowid, *columns) if is_hidden else columns),
            keys[0] or (rowid,),
            order,
            presence,
            tuple(name for name in left if name not in right),
            tuple(name for name in right if name not in left),
        )

    def _columns(self, side: str, table: str) -> dict[str, tuple[int, bool]]:
        """Return the columns by name: place in the primary key, and whether it is computed."""
        rows = self.connection.execute(f"PRAGMA {side}.table_xinfo({quote(table)})").fetchall()
        if not rows:
            raise Failure("not-found", f"there is no table {table!r} on both sides")
        return {
            str(name): (int(str(key)), int(str(hidden)) in (2, 3)) for _, name, _, _, _, key, hidden in rows
        }

    def _is_without_rowid(self, side: str, table: str) -> bool:
        rows = self.connection.execute(f"PRAGMA {side}.table_list({quote(table)})").fetchall()
        return any(str(row[0]) == side and bool(row[4]) for row in rows)


def _key(columns: dict[str, tuple[int, bool]]) -> Sequence[str]:
    found = sorted((place, name) for name, (place, _) in columns.items() if place)
    return [name for _, name in found]


def _only(shape: Shape, where: str) -> str:
    """Return what lets only those rows of the left through that fulfil a condition on its own columns."""
    if not where:
        return ""
    # The rowid where there is one: a key may hold NULL, which is in no list.
    names = [shape.presence] if shape.presence in _ROWIDS else [quote(key) for key in shape.key]
    keys, own = (", ".join(f"{side}{name}" for name in names) for side in ("l.", ""))
    return f" AND ({keys}) IN (SELECT {own} FROM main.{quote(shape.name)} WHERE ({where}\n))"


def begin(session: Session, _: object, other: str, immutable: bool) -> dict[str, Any]:
    """Compare with the database `other`; return both schemas."""
    session.comparing = Comparing(session, other, immutable=immutable)
    return session.comparing.schema()


def count(session: Session, _: object, table: str, left: bool) -> int:
    """Count the rows of a table on one side."""
    return _running(session).count("main" if left else "other", table)


def pages(session: Session, _: object, differing: str) -> None:
    """Learn which pages differ: bits from page 1 on, as hexadecimal bytes."""
    _running(session).differing = bytes.fromhex(differing)


def same(session: Session, _: object, table: str) -> bool:
    """Tell whether every page of a table is known to be the same on both sides."""
    return _running(session).is_same(table)


def start(session: Session, _: object, table: str, exact: bool, where: str) -> dict[str, Any]:
    """Begin with the differences of one table; return how its rows are matched."""
    return _running(session).start(table, exact=exact, where=where)


def following(session: Session, _: object) -> dict[str, Any]:
    """Return the next differences."""
    return _running(session).following()


def _running(session: Session) -> Comparing:
    comparing = session.comparing
    if not isinstance(comparing, Comparing):
        raise Failure("failed", "nothing is compared")
    return comparing
