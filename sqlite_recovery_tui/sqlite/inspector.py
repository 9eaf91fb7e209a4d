"""Look into an untrusted database without letting it near this process: a child with limits does the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from sqlite_recovery_tui.errors import InspectorDied, TimedOut, UsageError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite import details, messages
from sqlite_recovery_tui.sqlite.details import TableDetails
from sqlite_recovery_tui.sqlite.inspection import Inspection
from sqlite_recovery_tui.sqlite.inspector_exchange import ChangedError
from sqlite_recovery_tui.sqlite.messages import (
    CheckKind,
    CheckReport,
    DatabaseSummary,
    RowPage,
    TableInfo,
)
from sqlite_recovery_tui.sqlite.values import Spot, ValuePiece, decode_piece
from sqlite_recovery_tui.sqlite.view import WHOLE, View

ExportForm = Literal["csv", "json", "jsonl", "sql"]
_MOST_SQL = 1 << 20
_MOST_OFFSET = 1 << 62


class Inspector(Inspection):
    """What can be asked of one database; see `Inspection` for how it is opened and left."""

    def summary(
        self, *, progress: ProgressFn = ignore_progress, cancel: CancelToken | None = None
    ) -> DatabaseSummary:
        """Return what header and schema say of the whole. Raises `DamagedError`, `InspectorError`."""
        seconds, decode = self._limits.call_seconds, lambda raw: DatabaseSummary(**raw)
        return self._ask("summary", {}, decode, seconds=seconds, progress=progress, cancel=cancel)

    def check(
        self,
        kind: Literal["quick", "full"] = "full",
        *,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
        seconds: float | None = None,
    ) -> CheckReport:
        """Check the file's structure, with `full` also every index against its table.

        Whatever the file does is a verdict; raises only `Cancelled`, and `RecoverError` when the file
        cannot be opened at all, or a database that is elsewhere may or can not be fetched whole.
        `seconds` limits the time (default: the limits' `check_seconds`).
        """
        return self._report("check", kind, progress, cancel, seconds)

    def foreign_keys(
        self,
        *,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
        seconds: float | None = None,
    ) -> CheckReport:
        """Look for rows that refer to rows that are not there; raises as `check` does."""
        return self._report("foreign_keys", "foreign-keys", progress, cancel, seconds)

    def tables(
        self, *, progress: ProgressFn = ignore_progress, cancel: CancelToken | None = None
    ) -> tuple[TableInfo, ...]:
        """List tables and views in the order of the schema."""
        seconds, decode = self._limits.call_seconds, messages.decode_tables
        return self._ask("tables", {}, decode, seconds=seconds, progress=progress, cancel=cancel)

    def details(
        self,
        table: str,
        *,
        sizes: bool = False,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> TableDetails:
        """Return all that the schema says of a table or view; with `sizes` the room it takes, page by page.

        Raises `NotFoundError`, `DamagedError`, `TimedOut`, `InspectorError`.
        """
        arguments, seconds = {"table": table, "sizes": sizes}, self._limits.call_seconds
        return self._ask(
            "details", arguments, details.decode, seconds=seconds, progress=progress, cancel=cancel
        )

    def count(
        self,
        table: str,
        *,
        view: View = WHOLE,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
        seconds: float | None = None,
    ) -> int:
        """Count the rows of a table or view, those that the condition of `view` lets through.

        Raises `NotFoundError`, `DamagedError`, `InspectorError`.
        """
        seconds = self._limits.check_seconds if seconds is None else seconds
        arguments = {"table": table, "view": view.to_wire()}
        return self._ask("count", arguments, int, progress=progress, cancel=cancel, seconds=seconds)

    def locate(
        self,
        table: str,
        value: str,
        *,
        view: View = WHOLE,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> int:
        """Return the number, from 0, of the first row whose key is `value` or what comes after it.

        The key is what `view` orders by; without an order the rowid or primary key. Raises `UsageError` for
        a table without a key, else as `rows`.
        """
        arguments = {"table": table, "view": view.to_wire(), "value": value}
        seconds = self._limits.call_seconds
        return self._ask("locate", arguments, int, seconds=seconds, progress=progress, cancel=cancel)

    def rows(
        self,
        table: str,
        *,
        offset: int = 0,
        limit: int = 100,
        view: View = WHOLE,
        total: int | None = None,
        seconds: float | None = None,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> RowPage:
        """Return rows of a table (or view) from row `offset` on, as `view` has them.

        At most 1,000 rows, fewer when they are wide: go on at `first + len(rows)` while `has_more`. A `total`
        that `count` gave makes the end as near as the beginning. Raises `NotFoundError`, `UsageError` for a
        view that cannot be had, `TimedOut` after `seconds`, `DamagedError`, `InspectorError`.
        """
        arguments = {
            "table": table,
            "view": view.to_wire(),
            "offset": max(0, min(offset, _MOST_OFFSET)),
            "limit": limit,
            "total": total,
        }
        seconds = self._limits.call_seconds if seconds is None else seconds
        decode = messages.decode_page
        return self._ask("rows", arguments, decode, seconds=seconds, progress=progress, cancel=cancel)

    def query(
        self,
        sql: str,
        *,
        limit: int = 1000,
        seconds: float | None = 10.0,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> RowPage:
        """Run one reading statement and return its first rows, 10,000 at most.

        Raises `UsageError` for what is no such statement (with SQLite's words), `TimedOut` after
        `seconds` (None: never), `DamagedError`, `InspectorError`.
        """
        _check_length(sql)
        arguments, decode = {"sql": sql, "limit": limit}, messages.decode_page
        return self._ask("query", arguments, decode, seconds=seconds, progress=progress, cancel=cancel)

    def value(
        self,
        spot: Spot,
        *,
        first: int = 0,
        size: int = 1 << 20,
        seconds: float | None = None,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> ValuePiece:
        """Return one value, of a text or blob `size` bytes from byte `first` on, 4 MiB at most.

        Raises `NotFoundError` where there is no such row, else as `rows` and `query`.
        """
        arguments = {**spot.to_wire(), "first": first, "size": size, "whole": False}
        seconds = self._limits.call_seconds if seconds is None else seconds
        return self._ask("value", arguments, decode_piece, seconds=seconds, progress=progress, cancel=cancel)

    def value_bytes(
        self,
        spot: Spot,
        take: Callable[[bytes], None],
        *,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> ValuePiece:
        """Hand all bytes of one text or blob to `take`, piece by piece; raises as `value`."""
        arguments = {**spot.to_wire(), "first": 0, "size": 0, "whole": True}
        return self._ask(
            "value", arguments, decode_piece, seconds=None, progress=progress, cancel=cancel, take=take
        )

    def export(
        self,
        take: Callable[[bytes], None],
        *,
        form: ExportForm,
        table: str = "",
        view: View = WHOLE,
        sql: str = "",
        name: str = "answer",
        create: bool = True,
        limit: int | None = None,
        seconds: float | None = None,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> messages.ExportReport:
        """Hand the rows of a table, or of what `sql` gives, to `take` as UTF-8 text in `form`.

        All of them, or the first `limit`. SQL makes the table first if `create`; that of an answer is called
        `name`. Raises `DamagedError` when not all can be read, `TimedOut` after `seconds` (None: never), else
        as `rows` and `query`.
        """
        _check_length(sql)
        arguments = {"table": table, "view": view.to_wire(), "sql": sql, "name": name}
        return self._ask(
            "export",
            {**arguments, "form": form, "create": create, "limit": limit},
            messages.decode_export,
            seconds=seconds,
            progress=progress,
            cancel=cancel,
            take=take,
        )

    def _report(
        self,
        operation: str,
        kind: CheckKind,
        progress: ProgressFn,
        cancel: CancelToken | None,
        seconds: float | None,
    ) -> CheckReport:
        started = time.monotonic()
        arguments = {"kind": kind} if operation == "check" else {}
        limit = self._limits.check_seconds if seconds is None else seconds
        try:
            verdict, texts = self._ask(
                operation,
                arguments,
                messages.decode_verdict,
                seconds=limit,
                progress=progress,
                cancel=cancel,
                whole=True,
            )
        except TimedOut as error:
            verdict, texts = "timed-out", (error.message,)
        except (ChangedError, InspectorDied) as error:
            verdict, texts = "not-checkable", (error.message,)
        return CheckReport(kind, verdict, texts, round(time.monotonic() - started, 3), self._notice)


def _check_length(sql: str) -> None:
    if len(sql) > _MOST_SQL:
        raise UsageError(f"the statement is longer than {_MOST_SQL} characters")
