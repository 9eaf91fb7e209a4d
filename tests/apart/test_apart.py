"""A task in a process of its own: what comes of it arrives, it stops when told to, its death is named."""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.apart import process
from sqlite_recovery_tui.apart.child import NICE
from sqlite_recovery_tui.apart.messages import portable
from sqlite_recovery_tui.apart.process import carry_out
from sqlite_recovery_tui.apart.task import Task
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.domain import RestorePoint, Txid
from sqlite_recovery_tui.errors import (
    Cancelled,
    ConfigError,
    DamagedError,
    OutsideCoverage,
    RecoverError,
    StorageError,
    WorkerDied,
)
from sqlite_recovery_tui.progress import CancelToken, Progress
from tests.apart.tasks import Chatting, Confessing, Dying, Failing, Reporting, Waiting
from tests.support.held_worker import NOWHERE, ROOT, held_at

PARTS = tuple(f"sqlite_recovery_tui.{part}" for part in ("errors", "replica", "restore", "storage", "verify"))
"""What tasks may raise errors of."""
WITHIN = tuple(f"{part}." for part in PARTS)
POINT = RestorePoint(Txid(7), datetime(2026, 3, 26, tzinfo=UTC), "key")


REAL = process._COMMAND


@pytest.fixture(autouse=True)
def _not_standing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held_at(NOWHERE, monkeypatch)


class Heard:
    """Does a task, and keeps what it reports."""

    def __init__(self) -> None:
        self.progress: list[Progress] = []
        self.cancel = CancelToken()

    def do(self, task: Task[Any]) -> Any:
        return carry_out(task, progress=self.hear, cancel=self.cancel)

    def hear(self, progress: Progress) -> None:
        self.progress.append(progress)


def test_what_it_reports_and_notes_and_gives_back_arrives(caplog: pytest.LogCaptureFixture) -> None:
    heard, task = Heard(), Reporting(("long", "list"))
    with caplog.at_level(logging.INFO, "sqlite_recovery_tui"):
        result = heard.do(task)
    assert result["pid"] != os.getpid()
    assert result["part"] is task.part, "what is here already does not come back as a copy"
    assert heard.progress == [Progress(step, 1, 2, "pages", "of it") for step in ("reading", "writing")]
    noted = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
    assert ("sqlite_recovery_tui.test", logging.INFO, "noted 1") in noted
    assert "too quiet" not in caplog.text
    assert "UserWarning: warned" in caplog.text


@pytest.mark.parametrize("how", ["cancelled", "paused"])
@pytest.mark.parametrize("task", [Waiting(), Chatting()], ids=["that is still", "that reports all the time"])
def test_it_stops_when_it_is_told_to(task: Task[str], how: str) -> None:
    heard = Heard()

    def stop(progress: Progress) -> None:
        heard.cancel.pause() if how == "paused" else heard.cancel.cancel()

    assert carry_out(task, progress=stop, cancel=heard.cancel) == how


def test_an_error_arrives_as_it_was_raised(caplog: pytest.LogCaptureFixture) -> None:
    damaged = DamagedError("cut off", object="key", hint="look", last_good=POINT)
    with pytest.raises(DamagedError) as caught:
        Heard().do(Failing(damaged))
    assert caught.value.to_json() == damaged.to_json()
    with pytest.raises(KeyError, match="ours"):
        Heard().do(Failing(KeyError("ours")))
    assert "Traceback" in caplog.text, "a fault of ours is in the log in full"


@pytest.mark.parametrize(
    ("task", "ending"),
    [(Dying(signal.SIGKILL), "killed by signal SIGKILL"), (Dying(), "ended with exit code 7")],
    ids=["killed", "left"],
)
def test_its_death_is_named(task: Dying, ending: str, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    with pytest.raises(WorkerDied, match=f"the process of the trial .*{ending}") as caught:
        heard.do(task)
    assert caught.value.hint == "try again"
    assert heard.progress == [Progress("dying")]
    assert "last words" in caplog.text


def test_credentials_are_nowhere_to_be_seen_and_everybody_else_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_COMMAND", REAL)
    told = Heard().do(Confessing(Secret("hunter2")))
    assert told["secret"] == "hunter2"
    assert b"hunter2" not in told["seen"]
    assert told["priority"] >= NICE
    assert told["processors"] == max(len(os.sched_getaffinity(0)) - 1, 1)
    assert told["session"]
    if told["group"]:
        assert f"nice {NICE}" in told["group"]


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that has a task done, and the process that does it."""
    script = (
        "from pathlib import Path\n"
        "from sqlite_recovery_tui.apart.process import carry_out\n"
        "from sqlite_recovery_tui.progress import CancelToken\n"
        "from tests.apart.tasks import Waiting\n"
        f"task = Waiting(Path({str(tmp_path / 'note')!r}))\n"
        "say = lambda progress: print(progress.done, flush=True)\n"
        "carry_out(task, progress=say, cancel=CancelToken())\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="waits for a process that is not its own")
def test_it_ends_with_its_parent_and_leaves_what_it_has(
    parent: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, pid = parent
    descriptor = os.pidfd_open(pid)
    try:
        process.kill()
        assert select.select([descriptor], [], [], 60)[0], "it goes on without its parent"
    finally:
        os.close(descriptor)
    assert (tmp_path / "note").read_text() == "paused"


def test_every_kind_of_error_can_travel() -> None:
    for part in PARTS:
        package = importlib.import_module(part)
        for module in pkgutil.walk_packages(getattr(package, "__path__", []), f"{part}."):
            importlib.import_module(module.name)
    kinds = {kind for kind in _below(RecoverError) if f"{kind.__module__}.".startswith(WITHIN)}
    assert {Cancelled, StorageError, WorkerDied} < kinds
    for kind in kinds:
        error = kind("words", hint="hint")
        assert portable(error) is error, kind
    for error in (ConfigError("words", file="a.yml", line=3), OutsideCoverage("words", before=POINT)):
        assert portable(error) is error


class Stubborn(RecoverError):
    """An error that `pickle` does not take."""

    def __reduce__(self) -> Any:
        raise TypeError


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    told = portable(Stubborn("words", hint="hint", object="key"))
    assert isinstance(told, RecoverError)
    assert (told.message, told.hint, told.object) == ("words", "hint", "key")
    assert str(portable(type("Odd", (Exception,), {})("words"))) == "Odd: words"


def _below(kind: type[RecoverError]) -> set[type[RecoverError]]:
    return {kind}.union(*map(_below, kind.__subclasses__()))
