"""The bridge: answers on the screen's thread, errors as values, nobody waits for a thread that hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from textual.message import Message

from sqlite_recovery_tui.errors import Cancelled, RecoverError, Unreachable
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui.engine import Engine, Queue, Report, Request
from sqlite_recovery_tui.tui.messages import Advanced, Answered


class Screen:
    is_attached = True


class Console:
    """An event loop that handles what the bridge posts, as the application does."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.news = 0
        self.engine = Engine(lambda message: loop.call_soon_threadsafe(self._handle, message))
        self.screen = Screen()
        self.values: list[Any] = []
        self.errors: list[RecoverError] = []

    def _handle(self, message: Message) -> None:
        assert isinstance(message, (Answered, Advanced))
        self.news += isinstance(message, Advanced)
        self.engine.handle(message)

    def ask(self, work: Callable[[Report], Any], queue: Queue = Queue.THINK, **more: Any) -> Request[Any]:
        return self.engine.ask(
            queue, self.screen, work, then=self.values.append, failed=self.errors.append, **more
        )


async def test_an_answer_arrives_on_the_thread_that_asked() -> None:
    console = Console()
    threads: list[int] = []
    console.engine.ask(
        Queue.THINK,
        console.screen,
        lambda _: threading.get_ident(),
        then=lambda worker: threads.extend([worker, threading.get_ident()]),
        failed=console.errors.append,
    )
    await console.engine.settle()
    assert threads[0] != threads[1] == threading.get_ident()


async def test_an_error_is_an_answer() -> None:
    console = Console()

    def fail(_: Report) -> None:
        raise Unreachable("nothing answers", hint="is it on?")

    console.ask(fail)
    await console.engine.settle()
    assert [str(error) for error in console.errors] == ["nothing answers"]


async def test_a_fault_of_ours_is_a_message_too() -> None:
    console = Console()
    console.ask(lambda _: 1 // 0)
    await console.engine.settle()
    assert "ZeroDivisionError" in console.errors[0].message
    assert console.errors[0].hint


async def test_a_stopped_request_says_so() -> None:
    console = Console()
    started = threading.Event()

    def work(report: Report) -> None:
        started.set()
        assert report.cancel.wait(10)
        report.cancel.check()

    request = console.ask(work)
    await asyncio.to_thread(started.wait, 10)
    request.stop()
    await console.engine.settle()
    assert isinstance(console.errors[0], Cancelled)


async def test_a_dropped_request_answers_nobody_and_holds_no_place() -> None:
    console = Console()
    release = threading.Event()
    hung = console.ask(lambda _: release.wait(10), Queue.BROWSE)
    console.engine.drop(hung)
    console.ask(lambda _: "next", Queue.BROWSE)
    await console.engine.settle()
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith(Queue.BROWSE.label):
            await asyncio.to_thread(thread.join, 10)
    await asyncio.sleep(0)
    assert console.values == ["next"]


async def test_what_is_dropped_while_it_rests_never_begins() -> None:
    console = Console()
    begun: list[str] = []

    def work(name: str) -> Callable[[Report], str]:
        return lambda _: begun.append(name) or name  # type: ignore[func-returns-value]

    for number in range(50):
        console.engine.drop(console.ask(work(f"{number}"), rest=0.01))
    assert not console.engine.busy
    console.ask(work("last"), rest=0.02)
    await console.engine.settle()
    assert begun == console.values == ["last"]


async def test_what_rests_when_everything_stops_never_begins() -> None:
    console = Console()
    console.ask(lambda _: "late", rest=0.01)
    assert console.engine.close()
    await asyncio.sleep(0.02)
    assert console.values == console.errors == []


async def test_a_queue_runs_no_more_than_its_width() -> None:
    console = Console()
    lock, running, most = threading.Lock(), [0], [0]

    def work(_: Report) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.002)
        with lock:
            running[0] -= 1

    for _ in range(12):
        console.ask(work, Queue.THINK)
    await console.engine.settle()
    assert most[0] <= Queue.THINK.width
    assert len(console.values) == 12


async def test_answers_for_a_screen_that_is_gone_are_thrown_away() -> None:
    console = Console()
    console.screen.is_attached = False
    console.ask(lambda _: "late")
    await console.engine.settle()
    assert console.values == []


async def test_progress_that_comes_too_fast_is_merged() -> None:
    console = Console()
    seen: list[Progress] = []

    def work(report: Report) -> None:
        for number in range(20_000):
            report.progress(Progress("counting", number, 20_000, "rows"))

    console.ask(work, progress=seen.append)
    await console.engine.settle()
    assert 1 <= console.news < 50


async def test_partial_answers_come_before_the_answer() -> None:
    console = Console()
    order: list[str] = []
    partly = threading.Event()

    def work(report: Report) -> str:
        report.partial("some")
        assert partly.wait(10)
        return "all"

    def partial(value: str) -> None:
        order.append(value)
        partly.set()

    console.engine.ask(
        Queue.SCAN, console.screen, work, then=order.append, failed=console.errors.append, partial=partial
    )
    await console.engine.settle()
    assert order == ["some", "all"]


async def test_leaving_does_not_wait_for_a_thread_that_hangs() -> None:
    console = Console()
    release = threading.Event()
    console.ask(lambda _: release.wait(30))
    before = time.monotonic()
    assert console.engine.close(0.2) is False
    assert time.monotonic() - before < 15, "it would go on for thirty seconds"
    release.set()


async def test_leaving_waits_a_moment_for_work_that_stops_when_asked() -> None:
    console = Console()
    console.ask(lambda report: report.cancel.wait(30))
    assert console.engine.close(5) is True


async def test_cleaning_up_is_done_even_when_everything_stops() -> None:
    console = Console()
    done = threading.Event()
    console.engine.stop()
    console.ask(lambda _: done.set(), Queue.CLEAN)
    console.engine.stop()
    assert await asyncio.to_thread(done.wait, 10)


def test_only_the_newest_report_of_a_request_waits_to_be_handled() -> None:
    one, other = (
        Request(
            number, Queue.JOB, Screen(), lambda _: None, then=print, failed=print, progress=None, partial=None
        )
        for number in (1, 2)
    )
    assert Advanced(one).can_replace(Advanced(one))
    assert not Advanced(one).can_replace(Advanced(other))
    assert not Advanced(one).can_replace(Answered(one))


@pytest.fixture(autouse=True)
def _no_stray_threads() -> Any:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
