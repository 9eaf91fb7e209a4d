"""Counts and pages of a table or view, every value cut to what a screen can use."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child import schema
from sqlite_recovery_tui.sqlite.child.cells import WHOLE_BYTES, expression, first_columns, fit, page
from sqlite_recovery_tui.sqlite.child.failure import is_damage, missing_part
from sqlite_recovery_tui.sqlite.child.paging import Pager, Place, pager
from sqlite_recovery_tui.sqlite.child.query import prepare
from sqlite_recovery_tui.sqlite.child.schema import Table, quote
from sqlite_recovery_tui.sqlite.child.session import Session

_MOST_ROWS = 1000

_CUT = re.compile(r"[tb](\d+):\Z")


class Browser:
    """Tables of one session and what is known of where their rows lie."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tables: dict[str, Table] = {}
        self._pagers: dict[str, Pager] = {}

    def count(self, name: str) -> int:
        """Count the rows of a table or view."""
        table, pages = self._open(name)
        self._session.watch.phase(f"counting {table.name}", unit="rows")
        rows = self._session.browse.execute(f"SELECT count(*) FROM {pages.source}").fetchall()
        total = int(str(rows[0][0]))
        pages.count_done(self._session, total)
        return total

    def rows(self, name: str, offset: int, limit: int) -> dict[str, Any]:
        """Return up to `limit` rows from row `offset` on, in the order in which they lie on disk."""
        table, pages = self._open(name)
        self._session.watch.phase(f"reading {table.name}", total=offset, unit="rows")
        columns, notices = self._columns(table)
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

    def _open(self, name: str) -> tuple[Table, Pager]:
        if name not in self._tables:
            self._tables[name] = schema.table(self._session, name)
            self._pagers[name] = pager(self._session, self._tables[name])
        return self._tables[name], self._pagers[name]

    def _columns(self, table: Table) -> tuple[list[str], list[str]]:
        names = [name for name, *_ in table.columns]
        if table.kind in ("view", "virtual") and not names:
            names = prepare(self._session, f"SELECT * FROM main.{quote(table.name)}")[1]
        return first_columns(self._session.limits, names)

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
        rows = self._fetch(self._sql(columns, place), place)
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

    def _sql(self, columns: list[str], place: Place) -> str:
        cells = [expression(f"t.{quote(name)}", self.width, self._whole_bytes(name)) for name in columns]
        fetch = self.limit if place.backwards else self.limit + 1
        return (
            f"SELECT {self.pages.rowid}, {', '.join(cells)} FROM {self.pages.source} {place.where}"
            f" LIMIT {fetch} OFFSET {place.skip}"
        )

    def _fetch(self, sql: str, place: Place) -> list[list[Any]]:
        rows: list[list[Any]] = []
        try:
            for row in self.session.browse.execute(sql, place.bindings):
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
        if len(rows) > self.limit and self.pages.rowid != "NULL":
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
