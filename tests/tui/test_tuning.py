"""Work that runs for minutes lets the screen go first, and nothing else does."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.tui import work
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.tuning import NICE, stand_back

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows priorities of threads")


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


class Watching:
    """A report that notes the priority of whoever reports."""

    def __init__(self) -> None:
        self.cancel = CancelToken()
        self.seen: set[int] = set()

    def progress(self, progress: Progress) -> None:
        self.seen.add(priority())


def test_who_stands_back_takes_its_own_threads_along_and_nobody_else() -> None:
    own = priority()

    def task() -> tuple[int, int]:
        stand_back()
        with ThreadPoolExecutor(1) as pool:
            return priority(), pool.submit(priority).result()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(task).result() == (min(own + NICE, 19),) * 2
    assert priority() == own


def test_a_proof_stands_back(settings: Settings) -> None:
    own, report = priority(), Watching()
    place = Place(refs(settings, "shop.db")[0])
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work.verify, place, SYSTEM, report).result()  # type: ignore[arg-type]
    assert report.seen == {min(own + NICE, 19)}
