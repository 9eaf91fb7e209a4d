"""Counts and pages of a table or view, every value cut to what a screen can use."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child import schema
from sqlite_recovery_tui.sqlite.child.cells import WHOLE_BYTES, expression, first_columns, fit, page
from sqlite_recovery_tui.sqlite.child.failure import Failure, is_damage, missing_part
from sqlite_recovery_tui.sqlite.child.order import chosen_order, rowid_of
from sqlite_recovery_tui.sqlite.child.paging import Pager, Place
from sqlite_recovery_tui.sqlite.child.query import check_condition, prepare
from sqlite_recovery_tui.sqlite.child.schema import Table
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.identifier import quote
from sqlite_recovery_tui.sqlite.view import WHOLE, View

_MOST_ROWS = 1000

_CUT = re.compile(r"[tb](\d+):\Z")


class Browser:
    """Tables of one session and what is known of where their rows lie."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tables: dict[str, Table] = {}
        self._pagers: dict[tuple[str, str, bool, str], Pager] = {}

    def count(self, name: str, view: View = WHOLE) -> int:
        """Count the rows of a table or view, of those that its filter lets through."""
        table, pages = self.opened(name, view)
        self._session.watch.phase(f"counting {table.name}", unit="rows")
        return pages.count(self._session)

    def locate(self, name: str, view: View, value: str) -> int:
        """Return the number of the first row whose key is `value` or comes after it."""
        table, pages = self.opened(name, view)
        if not pages.order:
            raise Failure("usage", f"{table.name!r} has no key to go to")
        self._session.watch.phase(f"counting {table.name}", unit="rows")
        return pages.locate(self._session, _key_value(table, pages, value))

    def rows(
        self, name: str, offset: int, limit: int, view: View = WHOLE, total: int | None = None
    ) -> dict[str, Any]:
        """Return up to `limit` rows from row `offset` on; `total` is how many there are, if that is known."""
        table, pages = self.opened(name, view)
        self._session.watch.phase(f"reading {table.name}", total=offset, unit="rows")
        if total is not None:
            pages.count_done(self._session, total)
        columns, notices = self.columns(table, view)
        limit, width = fit(self._session.limits, min(limit, _MOST_ROWS), len(columns))
        read = _Read(self._session, table, pages, offset, limit, width)
        try:
            rows = read.rows(columns)
        except apsw.SQLError as error:
            columns, notice = self._without_generated(table, columns, error)
            notices.append(notice)
            rows = read.rows(columns)
        notices.append(read.stopped)
        return page(
            self._session.encoding,
            columns=columns,
            rows=rows,
            first=offset,
            has_more=read.has_more,
            notices=notices,
        )

    def opened(self, name: str, view: View) -> tuple[Table, Pager]:
        """Return a table, and what is known of its rows in the order of `view`."""
        if name not in self._tables:
            self._tables[name] = schema.table(self._session, name)
        table = self._tables[name]
        key = (name, view.order, view.descending, view.where)
        if key not in self._pagers:
            self._pagers[key] = self._pager(table, view)
        return table, self._pagers[key]

    def _pager(self, table: Table, view: View) -> Pager:
        order, hint = chosen_order(self._session, table, view.order, descending=view.descending)
        source = f"main.{quote(table.name)} AS t{hint}"
        if view.where:
            check_condition(self._session, source, view.where)
        return Pager(source, order, rowid_of(table), view.where, is_natural=not view.order)

    def columns(self, table: Table, view: View) -> tuple[list[str], list[str]]:
        """Return the columns that are shown, and what to say of the others."""
        return first_columns(self._session.limits, self.all_columns(table, view))

    def all_columns(self, table: Table, view: View) -> list[str]:
        """Return the columns of a table that `view` asks for; raises `Failure` when it has none of them."""
        names = [name for name, *_ in table.columns]
        if table.kind in ("view", "virtual") and not names:
            names = prepare(self._session, f"SELECT * FROM main.{quote(table.name)}")[1]
        if view.columns:
            known = set(names)
            names = [name for name in view.columns if name in known]
            if not names:
                raise Failure("not-found", f"the table {table.name!r} has none of these columns")
        return names

    def _without_generated(
        self, table: Table, columns: list[str], error: apsw.SQLError
    ) -> tuple[list[str], str]:
        missing = missing_part(error)
        generated = table.generated
        rest = [name for name in columns if name not in generated]
        if not missing or not generated or not rest:
            raise error
        return rest, f"generated columns are left out: they need the {missing[0]} {missing[1]}"


@dataclass
class _Read:
    """One page of one table."""

    session: Session
    table: Table
    pages: Pager
    offset: int
    limit: int
    width: int
    has_more: bool = False
    stopped: str = ""
    """Why the page ends early."""
    cut: bool = False
    """Whether it ends early because it has cost enough, and goes on in the next."""

    def rows(self, columns: list[str]) -> list[list[Any]]:
        """Return the rows as cells for the wire."""
        total = self.pages.total
        if total is not None and self.offset >= total:
            return []
        place = self.pages.place(self.session, self.offset, self.limit)
        rows = self._fetch(self._select(columns), place)
        if place.backwards and total is not None:
            rows = rows[::-1][-(total - self.offset) :]
            self.has_more = self.offset + len(rows) < total
        else:
            self.has_more = len(rows) > self.limit or self.cut
            self._remember(rows)
        del rows[self.limit :]
        for index, row in enumerate(rows):
            try:
                self._fill_large(columns, row)
            except apsw.Error as error:
                self._stop_at(index, error)
                del rows[index:]
        return [row[1:] for row in rows]

    def _select(self, columns: list[str]) -> str:
        cells = [expression(f"t.{quote(name)}", self.width, self._whole_bytes(name)) for name in columns]
        return f"{self.pages.rowid}, {', '.join(cells)}"

    def _fetch(self, select: str, place: Place) -> list[list[Any]]:
        rows: list[list[Any]] = []
        wanted = self.limit if place.backwards else self.limit + 1
        try:
            for row in self.pages.walk(self.session, select, place, wanted):
                rows.append(list(row))
                if self.session.watch.is_costly and not place.backwards:
                    self.cut, self.stopped = True, "fewer rows, because these were costly to fetch"
                    break
        except apsw.Error as error:
            self._stop_at(len(rows), error)
        return rows

    def _stop_at(self, readable: int, error: apsw.Error) -> None:
        """Be content with the rows before the damage, if there are any; raise `error` for all else."""
        if not readable or self.session.watch.stopped or not is_damage(error):
            raise error
        self.stopped = f"the rows after these cannot be read: {error}"
        self.has_more = False

    def _whole_bytes(self, column: str) -> int:
        """Return how large a value is read by SQL; `_fill_large` reads the beginning of larger ones."""
        if self.pages.rowid == "NULL" or column in self.table.generated:
            return WHOLE_BYTES
        return self.session.file.whole_bytes

    def _remember(self, rows: list[list[Any]]) -> None:
        if len(rows) > self.limit and self.pages.rowid != "NULL" and self.pages.is_natural:
            self.pages.remember(self.offset + self.limit, (rows[self.limit][0],))

    def _fill_large(self, columns: list[str], row: list[Any]) -> None:
        for place, value in enumerate(row[1:], start=1):
            cut = _CUT.match(value) if isinstance(value, str) else None
            if cut and int(cut[1]) and row[0] is not None:
                row[place] += self._beginning(columns[place - 1], row[0])

    def _beginning(self, column: str, rowid: int) -> str:
        try:
            opened = self.session.browse.blob_open("main", self.table.name, column, rowid, False)
            with closing(opened) as blob:
                return blob.read(self.width).hex()
        except apsw.Error as error:
            if is_damage(error) or self.session.watch.stopped:
                raise
            # A generated column has no bytes of its own to read; its size is still told.
            return ""


def _key_value(table: Table, pages: Pager, typed: str) -> str | int | float:
    """Return what was typed as the key would have it: a number where the column takes anything."""
    first = pages.order.terms[0].sql
    types = {f"t.{quote(name)} COLLATE BINARY": kind for name, kind, *_ in table.columns}
    if types.get(first, "none").upper() not in ("", "BLOB", "NONE"):
        return typed
    for number in (int, float):
        with suppress(ValueError):
            return number(typed)
    return typed
