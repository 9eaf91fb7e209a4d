"""The application beside the daemon: it gets our signals, all it started ends, and its code is ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import RecoverError, UsageError
from sqlite_recovery_tui.replicate.child import Child, split_command

ROOT = Path(__file__).resolve().parents[2]
LIFE = """
import sys
from pathlib import Path
from sqlite_recovery_tui.replicate.child import Child, split_command
from sqlite_recovery_tui.replicate.run import Life

command, seconds, missing = sys.argv[1:]
done = Path("shipped")

def ship():
    done.write_text("".join(p.read_text() for p in sorted(Path(".").glob("row-*"))))
    return missing

child = Child(split_command(command)) if command else None
life = Life(ship, lambda text: print(text, file=sys.stderr), child, float(seconds))
sys.exit(life.run(lambda done: print("begun", flush=True)))
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("node server.js", ["node", "server.js"]),
        ("sh -c 'a; b && c'", ["sh", "-c", "a; b && c"]),
        ('run "two words" it\\;s', ["run", "two words", "it;s"]),
        ("echo $HOME #1", ["echo", "$HOME", "#1"]),
    ],
)
def test_a_command_is_split_as_a_shell_does(text: str, words: list[str]) -> None:
    assert split_command(text) == words


@pytest.mark.parametrize("text", ["", "  ", "a 'b", "a && b", "a > file", "a; b"])
def test_what_only_a_shell_understands_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        split_command(text)
    assert "-exec" in f"{refused.value} {refused.value.hint}"


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(RecoverError, match="no-such-program cannot be run"):
        Child(["no-such-program"]).start()


class Run:
    """One daemon's life in a process of its own."""

    def __init__(self, folder: Path, command: str, seconds: float, missing: str) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", LIFE, command, str(seconds), missing],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "begun\n"

    def wait_for(self, name: str) -> str:
        """Return what the child wrote into a file."""
        path = self.folder / name
        for _ in range(1000):
            if path.exists() and (text := path.read_text()):
                return text
            time.sleep(0.01)
        raise AssertionError(f"{name} was never written")

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Return its exit code and what it said."""
        _, said = self._process.communicate(timeout=30)
        return self._process.returncode, said

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(script: str = "", *, seconds: float = 20, missing: str = "") -> Run:
        command = ""
        if script:
            (tmp_path / "child.py").write_text(textwrap.dedent(script))
            command = f"{sys.executable} child.py"
        runs.append(Run(tmp_path, command, seconds, missing))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()
    for mark in tmp_path.glob("pid-*"):
        assert not Path(f"/proc/{mark.read_text()}").exists(), "a process outlived the daemon"


WRITER = """
import os, signal, sys
from pathlib import Path

def ending(number, frame):
    Path("row-1").write_text("written while ending")
    sys.exit(7)

signal.signal(signal.SIGTERM, ending)
signal.signal(signal.SIGUSR1, lambda *_: Path("usr1").write_text("seen"))
signal.signal(signal.SIGHUP, lambda *_: Path("hup").write_text("seen"))
Path("ready").write_text("yes")
while True:
    signal.pause()
"""


def test_signals_reach_the_child_and_its_last_words_are_shipped(life: Callable[..., Run]) -> None:
    run = life(WRITER)
    run.wait_for("ready")
    run.send(signal.SIGUSR1)
    run.wait_for("usr1")
    run.send(signal.SIGHUP)
    run.wait_for("hup")
    run.send(signal.SIGTERM)
    assert run.end() == (7, "")
    assert (run.folder / "shipped").read_text() == "written while ending"


@pytest.mark.parametrize(
    ("script", "missing", "code", "said"),
    [
        ("import sys; sys.exit(3)", "", 3, ""),
        ("pass", "", 0, ""),
        ("pass", "2 commits are not durable", 6, "2 commits are not durable\n"),
        ("import sys; sys.exit(3)", "2 commits are not durable", 3, "2 commits are not durable\n"),
        ("import os; os.kill(os.getpid(), 9)", "", 137, ""),
    ],
)
def test_the_exit_code_is_the_childs_unless_something_was_lost(
    life: Callable[..., Run], script: str, missing: str, code: int, said: str
) -> None:
    assert life(script, missing=missing).end() == (code, said)


def test_without_a_child_a_signal_ships_and_ends_in_order(life: Callable[..., Run]) -> None:
    run = life()
    run.send(signal.SIGTERM)
    assert run.end() == (0, "")
    assert (run.folder / "shipped").exists()


STUBBORN = """
import os, signal, sys, time
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    Path("pid-far").write_text(str(os.getpid()))
    time.sleep(600)
if not os.fork():
    Path("pid-near").write_text(str(os.getpid()))
    time.sleep(600)
os.wait()
{then}
"""


def test_a_child_that_ignores_its_end_is_killed_with_all_it_started(life: Callable[..., Run]) -> None:
    run = life(STUBBORN.format(then="time.sleep(600)"), seconds=0.5)
    for name in ("pid-far", "pid-near"):
        run.wait_for(name)
    run.send(signal.SIGTERM)
    assert run.end() == (137, "")


def test_what_a_child_leaves_behind_ends_before_the_last_ship(life: Callable[..., Run]) -> None:
    then = 'while not (Path("pid-far").exists() and Path("pid-near").exists()): time.sleep(0.01)'
    run = life(STUBBORN.format(then=then), seconds=0.5)
    assert run.end() == (0, "")


def test_a_second_signal_ends_everything_at_once(life: Callable[..., Run]) -> None:
    run = life(STUBBORN.format(then="time.sleep(600)"), seconds=600)
    for name in ("pid-far", "pid-near"):
        run.wait_for(name)
    run.send(signal.SIGTERM)
    time.sleep(0.2)
    run.send(signal.SIGTERM)
    assert run.end() == (128 + signal.SIGTERM, "")
    assert not (run.folder / "shipped").exists()
