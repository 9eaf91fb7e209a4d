"""A console on the sample incident, with everything that differs between machines and days taken out."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from sqlite_recovery_tui import config
from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import DatabaseConfig, Settings
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.storage.base import ObjectInfo, Store
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable

NOW = datetime(2026, 3, 26, 14, 3, 12, tzinfo=UTC)
SMALL, LARGE = (80, 24), (200, 50)
SIZES = (SMALL, LARGE)
PICTURE_SIZES = (SMALL, (120, 36), LARGE)
_FRAMES = str.maketrans(dict.fromkeys("│█▌", " "))
"""What stands between a line's words and the edge of its box."""

Walk = Callable[[Pilot[None]], Awaitable[None]]


def make_console(settings: Settings | None, url: str | None = None) -> Console:
    """Return a console whose time stands still."""
    wanted = refs(settings, url) if settings is not None or url is not None else []
    return Console(settings, wanted, clock=FixedClock(NOW))


def presentable(settings: Settings) -> Settings:
    """Return the incident's settings as they would look on a server, with a scratch directory in the cwd."""
    databases = tuple(
        dataclasses.replace(database, path=Path("/srv/shop") / database.name)
        for database in settings.databases
    )
    return dataclasses.replace(
        settings, file=Path("litestream.yml"), databases=databases, scratch_dir=Path("scratch")
    )


@contextmanager
def server_names() -> Iterator[None]:
    """Show replicas under names that do not depend on where a test keeps them."""
    shown = property(lambda replica: f"file:///mnt/backup/{replica.name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config.ReplicaConfig, "url", shown)
        yield


@contextmanager
def still_checks() -> Iterator[None]:
    """Let every check of a database take the same time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("check", "foreign_keys"):
            original = getattr(Inspector, name)

            def still(*args: Any, _original: Any = original, **kwargs: Any) -> Any:
                return dataclasses.replace(_original(*args, **kwargs), seconds=0.1)

            patch.setattr(Inspector, name, still)
        yield


def settings_for(*replicas: str, name: str = "app.db", scratch: Path) -> Settings:
    """Return settings with one database that has these replica URLs."""
    made = tuple(
        dataclasses.replace(config.replica_from_url(url), name=f"copy{number or ''}")
        for number, url in enumerate(replicas)
    )
    database = DatabaseConfig(path=Path("/nowhere") / name, name=name, replicas=made)
    return Settings(databases=(database,), scratch_dir=scratch)


@asynccontextmanager
async def opened(console: Console, size: tuple[int, int] = SMALL) -> AsyncIterator[Pilot[None]]:
    """Run a console without a terminal, toasts and tooltips included, until the block ends."""
    async with console.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[None]) -> None:
    """Wait until every answer has arrived and is drawn."""
    console = pilot.app
    assert isinstance(console, Console)
    while True:
        await console.engine.settle()
        await pilot.pause()
        if not console.engine.busy:
            return


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one by one, and wait for what each leads to; without keys, for what is under way."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    if not keys:
        await settle(pilot)


def walk(*keys: str) -> Walk:
    """Return a walk that presses keys one by one."""

    async def steps(pilot: Pilot[None]) -> None:
        await settle(pilot)
        for key in keys:
            await press(pilot, key)

    return steps


async def type_text(pilot: Pilot[None], words: str) -> None:
    """Put words into the field that has the focus, as a terminal pastes them."""
    assert isinstance(pilot.app.focused, Input)
    pilot.app.focused.post_message(events.Paste(words))
    await settle(pilot)


def screen(pilot: Pilot[None]) -> ConsoleScreen:
    """Return the full screen in front."""
    shown = pilot.app.screen
    assert isinstance(shown, ConsoleScreen), shown
    return shown


def view(pilot: Pilot[None]) -> str:
    """Return which view is in front; a dialog by its class."""
    shown = pilot.app.screen
    return shown.VIEW if isinstance(shown, ConsoleScreen) else type(shown).__name__


def picture(pilot: Pilot[None]) -> str:
    """Return the characters on the terminal, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


def prose(pilot: Pilot[None]) -> str:
    """Return the words on the terminal in one line, wherever paths of another length would break theirs."""
    return " ".join(picture(pilot).translate(_FRAMES).split())


def table(pilot: Pilot[None], selector: str = "RecordTable") -> RecordTable:
    return pilot.app.screen.query_one(selector, RecordTable)


def toasts(pilot: Pilot[None]) -> list[str]:
    """Return what the console has said."""
    return [notification.message for notification in pilot.app._notifications]


def inspectors() -> list[str]:
    """Return the command lines of the inspectors that this process has started and that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if parent == str(os.getpid()) and state != "Z" and "inspector_child" in command:
            found.append(command)
    return found


class GatedStore:
    """A store that stands still until it is let through, and says when somebody waits."""

    def __init__(self, store: Store, gate: Gate) -> None:
        self._store = store
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        self._gate.stop_at("list")
        yield from self._store.list(prefix)

    def get(self, key: str) -> bytes:
        self._gate.stop_at("get")
        return self._store.get(key)

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        self._gate.stop_at("get")
        yield from self._store.stream(key, start=start, chunk_bytes=chunk_bytes)


class Gate:
    """Holds the operations named in `closed` until `open` is called."""

    def __init__(self, *closed: str) -> None:
        self.closed = set(closed)
        self.waiting = threading.Event()
        self._open = threading.Event()

    def stop_at(self, operation: str) -> None:
        if operation in self.closed:
            self.waiting.set()
            assert self._open.wait(60)

    def open(self) -> None:
        self._open.set()
