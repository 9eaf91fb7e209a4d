"""Pages that do not come, come late, or come to nobody: the operator hears why, the next request works."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import (
    Cancelled,
    DamagedError,
    InspectorDied,
    ObjectNotFound,
    StorageError,
    Unreachable,
)
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.lazy.source import FetchLimits
from sqlite_recovery_tui.sqlite.messages import Limits
from tests.support.pages import FilePages

from .conftest import Inspect
from .test_lazy_answers import build, everything

SMALL = FetchLimits(checks=True, window_bytes=8192)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("lazy") / "app.db", 4, "page_size = 1024")


class Failing:
    """Fails every call the first time it is made."""

    def __init__(self) -> None:
        self.errors: list[StorageError] = []
        self._failed: set[int] = set()

    def __call__(self, _: int, numbers: Sequence[int]) -> None:
        if numbers[0] not in self._failed:
            self._failed.add(numbers[0])
            self.errors.append(Unreachable(f"nothing answers for page {numbers[0]}", object="ltx/0/1.ltx"))
            raise self.errors[-1]


class Stubborn(Inspector):
    """Asks again until there is an answer, and checks that each failure is the storage's own."""

    script: Failing

    def _ask(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
        while True:
            try:
                return super()._ask(*arguments, **options)  # type: ignore[arg-type]
            except StorageError as error:
                assert error is self.script.errors[-1]  # noqa: PT017


def test_every_fetch_may_fail_once_and_all_answers_are_the_same(path: Path, inspect: Inspect) -> None:
    """No failure leaves anything behind in the process that looks, which lives through all of them."""
    script = Failing()
    with Stubborn(path, pages=FilePages(path, script=script), fetch=SMALL) as inspector:
        inspector.script = script
        inspector.summary()
        pid = inspector.pid
        assert everything(inspector) == everything(inspect(path))
        assert inspector.pid == pid
    assert len(script.errors) > 100


@pytest.mark.parametrize("table", ["plain", "computed", "words", "boxes"])
def test_what_fails_while_a_table_is_first_seen_leaves_nothing_half_known(
    path: Path, inspect: Inspect, table: str
) -> None:
    script, fetch = Failing(), FetchLimits(window_bytes=1024)
    with Stubborn(path, pages=FilePages(path, script=script), fetch=fetch) as inspector:
        inspector.script = script
        assert inspector.rows(table) == inspect(path).rows(table)
    assert len(script.errors) > 5


def test_a_failure_ends_the_request_at_once(path: Path, inspect: Inspect) -> None:
    def fail(call: int, _: Sequence[int]) -> None:
        if call >= 5:
            raise Unreachable("nothing answers", operation="get", object="0000/1.ltx", hint="look there")

    source = FilePages(path, script=fail)
    inspector = inspect(path, pages=source, fetch=SMALL)
    with pytest.raises(Unreachable) as caught:
        inspector.query("SELECT count(b), sum(length(c)) FROM plain")
    assert (caught.value.object, caught.value.hint, caught.value.code) == ("0000/1.ltx", "look there", 6)
    assert len(source.calls) == 5
    source.script = None
    assert inspector.query("SELECT count(b) FROM plain").rows


@pytest.mark.parametrize("kind", [DamagedError, ObjectNotFound])
def test_a_page_that_is_lost_matters_only_to_who_needs_it(
    path: Path, inspect: Inspect, kind: type[DamagedError | ObjectNotFound]
) -> None:
    whole, lost = inspect(path), kind("page 7 is gone", object="1.ltx")
    rootpage = whole.query("SELECT rootpage FROM sqlite_schema WHERE name = 'keyed'").rows[0][0].value
    assert isinstance(rootpage, int)

    def fail(_: int, numbers: Sequence[int]) -> None:
        if rootpage in numbers:
            raise lost

    inspector = inspect(path, pages=FilePages(path, script=fail))
    assert inspector.tables() == whole.tables()
    assert inspector.rows("plain") == whole.rows("plain")
    for _ in range(2):
        with pytest.raises(kind) as caught:
            inspector.rows("keyed")
        assert caught.value is lost
    assert inspector.rows("clustered", offset=20) == whole.rows("clustered", offset=20)


def test_a_lost_page_is_not_read_ahead_again(path: Path, inspect: Inspect) -> None:
    sql = (
        "SELECT pageno FROM dbstat WHERE name = 'plain' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 20"
    )
    lost = inspect(path).query(sql).rows[0][0].value

    def fail(_: int, numbers: Sequence[int]) -> None:
        if lost in numbers:
            raise DamagedError("a page is lost", object="1.ltx")

    source, seen = FilePages(path, script=fail), 0
    inspector = inspect(path, pages=source)
    with pytest.raises(DamagedError, match="a page is lost"):  # noqa: PT012
        while page := inspector.rows("plain", offset=seen, limit=1).rows:
            seen += len(page)
    assert seen > 20
    assert len([call for call in source.calls if lost in call]) <= 3, "read ahead, asked for, and alone"


def test_a_fault_of_the_source_is_no_answer(path: Path, inspect: Inspect) -> None:
    class Forgetful(FilePages):
        def fetch(self, numbers: Sequence[int]) -> dict[int, bytes]:
            return {number: b"short" for number in numbers if number > 1}

    with pytest.raises(ValueError, match="left out page 1"):
        inspect(path, pages=Forgetful(path)).summary()


def test_pages_that_nobody_asked_for_are_taken(path: Path, inspect: Inspect) -> None:
    class Generous(FilePages):
        def fetch(self, numbers: Sequence[int]) -> dict[int, bytes]:
            super().fetch(numbers)
            return dict(super().fetch(range(1, self.pages + 1)))

    source = Generous(path)
    inspector = inspect(path, pages=source)
    assert inspector.count("plain")
    assert inspector.fetched_pages == source.pages
    assert len(source.calls) == 2


class Held:
    """Holds a call until it is released; `arrived` is set when it is there."""

    def __init__(self, call: int) -> None:
        self.arrived, self.released = threading.Event(), threading.Event()
        self._call = call

    def __call__(self, call: int, _: Sequence[int]) -> None:
        if call == self._call:
            self.arrived.set()
            assert self.released.wait(20)


def test_a_fetch_can_be_cancelled(path: Path, inspect: Inspect) -> None:
    held, token = Held(4), CancelToken()
    inspector = inspect(path, pages=FilePages(path, script=held), fetch=SMALL)
    threading.Thread(target=lambda: held.arrived.wait(10) and token.cancel()).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        inspector.query("SELECT sum(length(c)) FROM plain", cancel=token)
    assert time.monotonic() - started < 15, "the fetch itself would wait for twenty seconds"
    held.released.set()
    assert inspector.query("SELECT count(c) FROM plain").rows


def test_closing_ends_a_fetch(path: Path, inspect: Inspect) -> None:
    held = Held(4)
    inspector = inspect(path, pages=FilePages(path, script=held), fetch=SMALL)
    threading.Thread(target=lambda: held.arrived.wait(10) and inspector.close()).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        inspector.query("SELECT sum(length(c)) FROM plain")
    assert time.monotonic() - started < 15, "the fetch itself would wait for twenty seconds"
    held.released.set()


def test_a_check_that_fetches_can_be_cancelled(path: Path, inspect: Inspect) -> None:
    held, token = Held(3), CancelToken()
    inspector = inspect(path, pages=FilePages(path, script=held), fetch=SMALL)
    threading.Thread(target=lambda: held.arrived.wait(10) and token.cancel()).start()
    with pytest.raises(Cancelled):
        inspector.check("full", cancel=token)
    held.released.set()
    assert inspector.check("full").ok


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_child_that_dies_during_a_fetch_is_replaced_and_the_pages_stay(
    path: Path, inspect: Inspect, number: signal.Signals
) -> None:
    def kill(call: int, _: Sequence[int]) -> None:
        if call == 5:
            assert inspector.pid
            os.kill(inspector.pid, number)

    source = FilePages(path, script=kill)
    inspector = inspect(path, pages=source, fetch=SMALL)
    with pytest.raises(InspectorDied, match=number.name):
        inspector.query("SELECT sum(length(c)) FROM plain")
    assert inspector.rows("plain") == inspect(path).rows("plain")
    asked = [page for call in source.calls for page in call]
    assert len(asked) == len(set(asked))


def test_time_limits_do_not_count_the_wait_for_pages(path: Path, inspect: Inspect) -> None:
    source = FilePages(path, script=lambda *_: time.sleep(0.15))
    limits = Limits(call_seconds=0.3, grace_seconds=0.1, stall_seconds=0.3)
    inspector = inspect(path, limits=limits, pages=source)
    started = time.monotonic()
    sql = "SELECT count(*) FROM plain a, falling b WHERE length(a.c) + b.k >= 0"
    assert inspector.query(sql, seconds=0.3).rows
    assert time.monotonic() - started > 0.6
    source.script = lambda *_: time.sleep(0.5)
    assert inspector.count("falling") > 0


def test_a_fetch_is_reported_while_it_lasts(path: Path, inspect: Inspect) -> None:
    held, reports = Held(3), list[Progress]()

    def report(state: Progress) -> None:
        if state.phase == "fetching pages":
            reports.append(state)
            if len(reports) >= 5:
                held.released.set()

    inspector = inspect(path, pages=FilePages(path, script=held), fetch=SMALL)
    assert inspector.rows("plain", progress=report).rows
    assert len(reports) >= 5
    assert {state.unit for state in reports} == {"bytes"}
    assert max(state.done for state in reports) > 0


def test_an_error_in_the_progress_callback_is_the_callers(path: Path, inspect: Inspect) -> None:
    def fail(state: Progress) -> None:
        if state.phase == "fetching pages":
            raise KeyError("mine")

    inspector = inspect(path, pages=FilePages(path))
    with pytest.raises(KeyError, match="mine"):
        inspector.rows("plain", progress=fail)
    assert inspector.rows("plain").rows
