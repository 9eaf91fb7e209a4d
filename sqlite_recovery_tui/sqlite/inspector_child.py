"""The inspection process: reads requests from stdin, answers on stdout, one JSON document per line.

It takes limits upon itself before it opens the file, and ends when its parent does.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.child import checks, compare, details, export, query, schema, values
from sqlite_recovery_tui.sqlite.child.failure import Failure, explain
from sqlite_recovery_tui.sqlite.child.files import DatabaseFile, PlainFile
from sqlite_recovery_tui.sqlite.child.lazy import LazyFile
from sqlite_recovery_tui.sqlite.child.rows import Browser
from sqlite_recovery_tui.sqlite.child.session import Session
from sqlite_recovery_tui.sqlite.child.settle import settle
from sqlite_recovery_tui.sqlite.child.watch import Watch
from sqlite_recovery_tui.sqlite.messages import Limits
from sqlite_recovery_tui.sqlite.view import View

_MOST_FILES = 32


class Inspection:
    """The requests of one parent about one file, answered one at a time."""

    def __init__(self, output: int) -> None:
        self._output = output
        self._requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._brought: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._current = 0
        self._cancelled = 0
        self._watch = Watch(self._send, None)
        self._session: Session | None = None
        self._browser: Browser | None = None
        self._limits = Limits()

    def read(self) -> None:
        """Take requests off stdin; a cancellation acts at once, the end of stdin ends the process."""
        try:
            for line in sys.stdin.buffer:
                request = json.loads(line)
                if "brought" in request:
                    self._brought.put(request)
                elif "cancel" in request:
                    self._cancel(int(request["cancel"]))
                else:
                    self._requests.put(request)
        finally:
            os._exit(0)

    def run(self) -> None:
        """Answer requests for ever."""
        while request := self._requests.get():
            self._answer(request)

    def _answer(self, request: dict[str, Any]) -> None:
        number, arguments = int(request["id"]), request["arguments"]
        watch = Watch(self._send, request["seconds"])
        with self._lock:
            self._current, self._watch = number, watch
            if self._cancelled == number:
                watch.cancel()
        _allow_cpu(request["cpu_seconds"])
        try:
            reply = {"result": self._work(request["operation"], arguments)}
        except Exception as error:  # whatever a hostile file causes is an answer
            failure = watch.stopped or explain(error)
            reply = {"failure": [failure.kind, failure.message, failure.hint, failure.place]}
        self._send({"id": number, **reply})

    def _work(self, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "open":
            return self._open(**arguments)
        if self._session is None or self._browser is None:
            raise Failure("failed", "no file is open")
        if self._session.file.changed():
            raise Failure("stale", "the file has changed since it was opened")
        self._session.watch = self._watch
        answer = _OPERATIONS[operation](self._session, self._browser, **arguments)
        if self._session.file.changed():
            raise Failure("changed", "the file was changed while it was looked at")
        return answer

    def _open(self, path: str, copy: str, limits: dict[str, Any], pages: dict[str, int] | None = None) -> str:
        self._limits = Limits(**limits)
        _limit(self._limits)
        file, notice = (LazyFile(**pages, ask=self._bring), "") if pages else self._settled(path, copy)
        _set(resource.RLIMIT_FSIZE, 0)
        self._session = Session(file, self._limits, notice=notice)
        self._browser = Browser(self._session)
        return notice

    def _settled(self, path: str, copy: str) -> tuple[DatabaseFile, str]:
        origin, directory = (Path(os.fsdecode(bytes.fromhex(name))) for name in (path, copy))
        file, notice = settle(origin, directory, self._watch)
        return PlainFile(file, origin), notice

    def _bring(self, first: int, count: int) -> None:
        """Have the parent bring pages; raise what SQLite takes for a failed read."""
        watch, began = self._watch, time.monotonic()
        if not watch.is_hopeless:
            self._send({"fetch": [first, count]})
            answer = self._brought.get()
            watch.extend(time.monotonic() - began)
            watch.is_costly = answer["costly"]
            if answer["brought"]:
                return
            watch.abandon(Failure("failed", "pages could not be fetched"))
        raise apsw.IOError("pages could not be fetched")

    def _cancel(self, number: int) -> None:
        with self._lock:
            self._cancelled = number
            if self._current != number:
                return
            self._watch.cancel()
        if self._session:
            self._session.interrupt()

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        if len(data) > self._limits.reply_bytes:
            failure = ["too-large", "the answer is larger than an inspection may send", "", None]
            data = json.dumps({"id": message.get("id"), "failure": failure}).encode() + b"\n"
        view = memoryview(data)
        while view:
            view = view[os.write(self._output, view) :]


def _summary(session: Session, _: Browser) -> dict[str, Any]:
    head = session.header
    values = {
        name: int(str(session.browse.execute(sql).fetchall()[0][0]))
        for name, sql in (
            ("pages", "PRAGMA page_count"),
            ("freelist_pages", "PRAGMA freelist_count"),
            ("schema_objects", "SELECT count(*) FROM sqlite_schema"),
        )
    }
    version = head.sqlite_version
    return {
        **values,
        "page_size": head.page_size,
        "size_bytes": session.file.size_bytes,
        "encoding": head.text_encoding,
        "journal_mode": "wal" if head.write_version == 2 else "rollback",
        "user_version": head.user_version,
        "application_id": head.application_id,
        "sqlite_version": f"{version // 1000000}.{version // 1000 % 1000}.{version % 1000}",
        "notice": session.notice,
    }


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "summary": _summary,
    "tables": lambda session, _: [table.to_wire() for table in schema.tables(session)],
    "details": lambda session, _, table, sizes: details.details(session, table, sizes=sizes),
    "count": lambda _, browser, table, view: browser.count(table, View.from_wire(view)),
    "locate": lambda _, browser, table, view, value: browser.locate(table, View.from_wire(view), value),
    "rows": lambda _, browser, table, view, offset, limit, total: browser.rows(
        table, offset, limit, View.from_wire(view), total
    ),
    "value": values.value,
    "export": export.export,
    "query": lambda session, _, sql, limit: query.query(session, sql, limit),
    "compare": compare.begin,
    "compare_count": compare.count,
    "compare_pages": compare.pages,
    "compare_same": compare.same,
    "compare_start": compare.start,
    "compare_next": compare.following,
    "check": lambda session, _, kind: checks.integrity(session, kind),
    "foreign_keys": lambda session, _: checks.foreign_keys(session),
}


def _limit(limits: Limits) -> None:
    _set(resource.RLIMIT_AS, limits.memory_bytes)
    _set(resource.RLIMIT_NOFILE, _MOST_FILES)
    # SQLite gives up before the interpreter runs out of memory, which it might not survive.
    apsw.hard_heap_limit(limits.memory_bytes * 5 // 8)


def _allow_cpu(seconds: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(usage.ru_utime + usage.ru_stime) + seconds
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = allowed if hard == resource.RLIM_INFINITY else min(allowed, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _set(which: int, value: int) -> None:
    # Some systems know a limit and refuse to set it; the parent's clock and SQLite's own cap remain.
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(which)[1]
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (lowest, lowest))


def main() -> None:
    """Serve the parent at the other end of stdin and stdout."""
    os.umask(0o077)
    _set(resource.RLIMIT_CORE, 0)
    output = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    inspection = Inspection(output)
    threading.stack_size(256 << 10)
    threading.Thread(target=inspection.read, daemon=True).start()
    inspection.run()


if __name__ == "__main__":
    main()
