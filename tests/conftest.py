"""Every test has state and cache of its own: none writes into, or learns from, those of whoever runs it."""

from __future__ import annotations

import gc
import itertools
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sqlite_recovery_tui.log import LOGGER
from tests.support.properties import examples
from tests.support.soak import SOAK
from tests.support.victims import Victims, victims

_NUMBERS = itertools.count(1)
_GARBAGE_OBJECTS = 200_000
"""After how many new objects Python looks for garbage; its own 700 make that a third of a run."""


def pytest_configure(config: pytest.Config) -> None:
    """Name our marker; give no property a deadline, which a machine that is shared would miss."""
    settings.register_profile("ours", examples(100))
    settings.load_profile("ours")
    config.addinivalue_line("markers", "soak: tried only with SOAK=1 in the environment (make soak)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `soak`, unless this is one."""
    left_out = [] if SOAK else [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every search for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_OBJECTS, 10, 10)


@pytest.fixture(scope="session")
def _state_folders() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sqlrecover-state-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mortal() -> Iterator[Victims]:
    """Restores in processes of their own that die on the way; see tests/faults/killed.py."""
    with victims("tests.faults.killed") as made:
        yield made


@pytest.fixture(autouse=True)
def _own_state(_state_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the state and the cache directory be ones that are not there yet."""
    own = _state_folders / str(next(_NUMBERS))
    monkeypatch.setenv("XDG_STATE_HOME", str(own))
    monkeypatch.setenv("XDG_CACHE_HOME", str(own / "cache"))


@pytest.fixture(autouse=True)
def _own_log() -> None:
    """Let the log go where a test listens, whatever a command before it made of that."""
    logger = logging.getLogger(LOGGER)
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
