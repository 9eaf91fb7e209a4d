"""The tour: a stranger gets the data back with the keyboard alone, by what the screen says, in few keys.

Once inside this process against the sample incident, once in a real terminal against the command.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from tests.tui.support import SIZES, SMALL, make_console, opened, picture, screen, settle, view

MOST_KEYS = 25
VERDICT = "every check passed"


class Stranger:
    """Presses only keys that the screen names, and counts them."""

    def __init__(self, pilot: Pilot[None]) -> None:
        """Sit down before the console."""
        self.pilot = pilot
        self.keys = 0

    async def press(self, key: str, *, because: str) -> None:
        """Press a key after having read on the screen what it does."""
        shown = " ".join(picture(self.pilot).split())
        assert because in shown, f"nothing says that {key} helps: {because!r} is not in {shown}"
        await self.pilot.press(key)
        await settle(self.pilot)
        self.keys += 1

    async def type(self, words: str) -> None:
        """Type; every character counts."""
        await self.pilot.press(*(_key(character) for character in words))
        await settle(self.pilot)
        self.keys += len(words)

    def sees(self, pattern: str) -> str:
        """Return what stands on the screen."""
        found = re.search(pattern, picture(self.pilot))
        assert found is not None, picture(self.pilot)
        return found[1]


def _key(character: str) -> str:
    return {":": "colon", "-": "minus", " ": "space", "_": "underscore"}.get(character, character)


def _count(path: Path, sql: str) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute(sql).fetchone()[0])


def _proven(pilot: Pilot[None]) -> Path:
    """Return the scratch that was restored; what it says of itself must be good, and on the screen."""
    bench = screen(pilot)
    assert isinstance(bench, WorkbenchScreen), view(pilot)
    assert bench.proof.status.word == VERDICT
    assert VERDICT in picture(pilot)
    return bench.subject.path


@pytest.mark.parametrize("size", SIZES)
async def test_by_what_stands_out(settings: Settings, incident: DemoIncident, size: tuple[int, int]) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        stranger = Stranger(pilot)
        await stranger.press("B", because="B goes before it")
        await stranger.press("enter", because="enter plan restore")
        await stranger.press("enter", because="enter restores into this file")
        restored = _proven(pilot)
        assert stranger.keys <= MOST_KEYS
    assert _count(restored, "SELECT count(*) FROM orders") == incident.before.orders
    assert _count(restored, "SELECT count(*) FROM invoices") == incident.before.invoices


async def test_by_a_time_that_is_typed(settings: Settings, incident: DemoIncident) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        stranger = Stranger(pilot)
        moment = stranger.sees(r"(\d\d:\d\d:\d\d)Z [\d.]+ KiB at once")
        await stranger.press("g", because="g go to time")
        await stranger.type(f"{moment[:-1]}{int(moment[-1]) - 1}z")
        await stranger.press("enter", because="enter plan it")
        await stranger.press("enter", because="enter restores into this file")
        restored = _proven(pilot)
        assert stranger.keys <= MOST_KEYS
    assert _count(restored, "SELECT count(*) FROM orders") == incident.before.orders


async def test_by_the_replica_that_has_lost_an_upload(settings: Settings, incident: DemoIncident) -> None:
    """The way out stands where it fails."""
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        stranger = Stranger(pilot)
        moment = stranger.sees(r"(\d\d:\d\d:\d\d)Z [\d.]+ KiB at once")
        await stranger.press("j", because="offsite")
        await stranger.press("enter", because="enter open")
        await stranger.press("g", because="g go to time")
        await stranger.type(f"{moment[:-1]}{int(moment[-1]) - 1}z")
        await stranger.press("enter", because="enter plan it")
        await stranger.press("enter", because="enter restores into this file")
        await stranger.press("w", because="w plan from primary instead")
        await stranger.press("enter", because="enter restores into this file")
        restored = _proven(pilot)
        assert stranger.keys <= MOST_KEYS
    assert _count(restored, "SELECT count(*) FROM orders") == incident.before.orders


async def test_the_queue_of_the_other_format_too(settings: Settings, incident: DemoIncident) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        stranger = Stranger(pilot)
        await stranger.press("j", because="jobs.db")
        await stranger.press("j", because="jobs.db")
        await stranger.press("B", because="B goes before it")
        await stranger.press("enter", because="enter plan restore")
        await stranger.press("enter", because="enter restores into this file")
        restored = _proven(pilot)
        assert stranger.keys <= MOST_KEYS
    assert _count(restored, "SELECT count(*) FROM jobs WHERE state = 'queued'") >= incident.jobs.lost * 0.9


class Terminal:
    """A real terminal of tmux with one command in it."""

    def __init__(self, folder: Path, command: str) -> None:
        """Start `command` at 80 by 24."""
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        }
        self._run("new-session", "-d", "-x", "80", "-y", "24", command, env=environment, cwd=folder)

    def _run(self, *words: str, **more: object) -> str:
        ended = subprocess.run(  # type: ignore[call-overload]
            [*self._tmux, *words], check=False, capture_output=True, text=True, timeout=30, **more
        )
        return str(ended.stdout)

    @property
    def shown(self) -> str:
        return " ".join(self._run("capture-pane", "-p").split())

    def wait_for(self, words: str, seconds: float = 60) -> str:
        """Return the screen once it shows `words`."""
        return self.wait(lambda shown: words in shown, words, seconds)

    def wait(self, holds: Callable[[str], bool], what: str, seconds: float = 60) -> str:
        """Return the screen once `holds` of it."""
        deadline = time.monotonic() + seconds
        while not holds(shown := self.shown):
            assert time.monotonic() < deadline, f"{what} never came: {shown}"
            time.sleep(0.05)
        return shown

    def press(self, key: str, *, because: str) -> None:
        """Press a key once the screen says what it does."""
        self.wait_for(because)
        self._run("send-keys", key)

    def close(self) -> None:
        self._run("kill-server")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: the tour in a real terminal needs it")
    installed = Path(sys.executable).with_name("sqlrecover")
    words = [str(installed)] if installed.exists() else [sys.executable, "-m", "sqlite_recovery_tui"]
    made = Terminal(tmp_path, shlex.join([*words, "demo", "--dir", str(tmp_path / "demo")]))
    yield made
    made.close()


async def test_in_a_real_terminal_against_the_command(terminal: Terminal, tmp_path: Path) -> None:
    """The same three keys, in tmux, from the shell's prompt on."""

    def tour() -> str:
        terminal.press("B", because="B goes before it")
        terminal.press("Enter", because="enter plan restore")
        terminal.press("Enter", because="enter restores into this file")
        return terminal.wait(lambda shown: VERDICT in shown and "orders" in shown, VERDICT)

    await asyncio.to_thread(tour)
    (scratch,) = (tmp_path / "state").rglob("shop*.db")
    live = _count(tmp_path / "demo" / "production" / "shop.db", "SELECT count(*) FROM orders")
    assert _count(scratch, "SELECT count(*) FROM orders") > 5 * live
