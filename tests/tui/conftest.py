"""A console that looks the same on every machine: no animations, one zone, one terminal."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when textual is imported

from sqlite_recovery_tui import config, demo
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.replica import fleet
from sqlite_recovery_tui.storage import open as opening
from tests.tui import patience
from tests.tui.pictures import pictures
from tests.tui.support import (
    NOW,
    Gate,
    GatedStore,
    presentable,
    server_names,
    still_checks,
)

patience.install()

__all__ = ["pictures"]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> DemoIncident:
    """The sample incident as of `NOW`; only to be read."""
    return demo.build(tmp_path_factory.mktemp("incident") / "demo", now=NOW)


@pytest.fixture
def settings(incident: DemoIncident, tmp_path: Path) -> Settings:
    """The incident's configuration, with a scratch directory of the test's own."""
    return dataclasses.replace(config.load(incident.config), scratch_dir=tmp_path / "scratch")


@pytest.fixture
def shown(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The incident under names that are the same on every machine."""
    monkeypatch.chdir(tmp_path)
    with server_names(), still_checks():
        yield presentable(settings)


@pytest.fixture
def gate_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Gate]]:
    """Put a gate in front of every store that is opened from now on; it opens when the test ends."""
    gates: list[Gate] = []

    def put(*operations: str) -> Gate:
        gate = Gate(*operations)
        gates.append(gate)
        original = opening.open_store

        def gated(*args: Any, **kwargs: Any) -> Any:
            return GatedStore(original(*args, **kwargs), gate)

        monkeypatch.setattr(opening, "open_store", gated)
        monkeypatch.setattr(fleet, "open_store", gated)
        return gate

    yield put
    for gate in gates:
        gate.open()
