"""A production database of one's own beside the incident, under names and figures that never differ."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.promote import patches, plan, undo

FOLDER = Path("srv")
FREE_BYTES = 48 << 30


@contextmanager
def own_production(settings: Settings, incident: DemoIncident) -> Iterator[Settings]:
    """Put the incident's databases into the folder `srv` of the working directory; nothing is by chance."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(incident.database.parent, FOLDER)
    databases = tuple(
        dataclasses.replace(database, path=FOLDER / database.name) for database in settings.databases
    )
    numbers = itertools.count(0x5F3A9C)
    usage = SimpleNamespace(free=FREE_BYTES)
    with pytest.MonkeyPatch.context() as patch:
        for module in (undo, patches):
            patch.setattr(module.secrets, "token_hex", lambda _: f"{next(numbers):06x}")
        patch.setattr(plan.shutil, "disk_usage", lambda _: usage)
        yield dataclasses.replace(settings, databases=databases)
