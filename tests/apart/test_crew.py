"""A crew does task after task in a few processes; what ends one of them ends no other one's task."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.apart import crew as module
from sqlite_recovery_tui.apart.crew import Crew
from sqlite_recovery_tui.apart.process import Worker
from sqlite_recovery_tui.errors import Cancelled, RecoverError, WorkerDied
from sqlite_recovery_tui.progress import CancelToken, Progress, ignore_progress
from tests.apart.tasks import Deaf, Dying, Failing, Reporting, Waiting
from tests.support.held_worker import ROOT

_LONG = 60.0


@pytest.fixture(autouse=True)
def _tasks_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew(2)
    yield made
    made.close()


def _pids(crew: Crew, tasks: int) -> set[int]:
    return {future.result()["pid"] for future in [crew.submit(Reporting(())) for _ in range(tasks)]}


def _first_word(worker: Worker, task: Any, cancel: CancelToken) -> tuple[threading.Event, Future[Any]]:
    """Have a task done beside the test; the event is set once it has reported something."""
    reported, future = threading.Event(), Future[Any]()

    def hear(_: Progress) -> None:
        reported.set()

    def do() -> None:
        try:
            future.set_result(worker.carry_out(task, progress=hear, cancel=cancel))
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return reported, future


def test_a_few_processes_do_many_tasks(crew: Crew) -> None:
    first = _pids(crew, 8)
    assert 1 <= len(first) <= 2
    assert os.getpid() not in first
    assert len(first | _pids(crew, 8)) <= 2, "a process is not begun where one has nothing to do"


@pytest.mark.parametrize("death", [Dying(signal.SIGKILL), Dying()], ids=["killed", "left"])
def test_a_death_is_that_of_one_task(crew: Crew, death: Dying) -> None:
    before = [crew.submit(Reporting(())) for _ in range(4)]
    dead = crew.submit(death)
    after = [crew.submit(Reporting(())) for _ in range(4)]
    with pytest.raises(WorkerDied):
        dead.result()
    assert all(future.result()["pid"] for future in before + after)


def test_an_error_is_that_of_one_task(crew: Crew) -> None:
    failed = crew.submit(Failing(RecoverError("words")))
    with pytest.raises(RecoverError, match="words"):
        failed.result()
    assert _pids(crew, 4)


def _beginnings(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"begun-{number}" for number in range(count)]
    for path in paths:
        os.mkfifo(path)
    return paths


def test_what_nobody_waits_for_is_stopped_and_what_was_not_begun_is_not(tmp_path: Path) -> None:
    crew = Crew(2)
    notes = [tmp_path / name for name in ("one", "two", "three")]
    begun = _beginnings(tmp_path, 3)
    futures = [crew.submit(Waiting(*paths)) for paths in zip(notes, begun, strict=True)]
    for path in begun[:2]:
        path.read_text()
    crew.close()
    assert [note.exists() and note.read_text() for note in notes] == ["cancelled", "cancelled", False]
    with pytest.raises((CancelledError, Cancelled)):
        futures[2].result()


def test_what_does_not_listen_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.2)
    crew = Crew(1)
    [begun] = _beginnings(tmp_path, 1)
    deaf = crew.submit(Deaf(begun))
    begun.read_text()
    crew.close()
    with pytest.raises(Cancelled):
        deaf.result()
    assert "SIGKILL" not in caplog.text, "nobody needs to know"


def test_a_wish_to_stop_is_for_one_task() -> None:
    with Worker() as worker:
        for _ in range(2):
            cancel = CancelToken()
            reported, future = _first_word(worker, Waiting(), cancel)
            assert reported.wait(_LONG)
            assert not future.done()
            cancel.cancel()
            assert future.result(_LONG) == "cancelled"
        last = worker.carry_out(Reporting(()), progress=ignore_progress, cancel=CancelToken())
        assert last["pid"] == worker._process.pid


@pytest.mark.skipif(sys.platform != "linux", reason="waits for a process that is not its own")
def test_processes_without_a_task_end_with_their_parent() -> None:
    script = (
        "from sqlite_recovery_tui.apart.crew import Crew\n"
        "from tests.apart.tasks import Reporting\n"
        "crew = Crew(1)\n"
        "print(crew.submit(Reporting(())).result()['pid'], flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert select.select([descriptor], [], [], _LONG)[0], "it goes on without its parent"
        finally:
            os.close(descriptor)
