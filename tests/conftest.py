"""Every test has state and cache of its own: none writes into, or learns from, those of whoever runs it."""

from __future__ import annotations

import gc
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_NUMBERS = itertools.count(1)
_GARBAGE_OBJECTS = 200_000
"""After how many new objects Python looks for garbage; its own 700 make that a third of a run."""


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


@pytest.fixture(autouse=True)
def _own_state(_state_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the state and the cache directory be ones that are not there yet."""
    own = _state_folders / str(next(_NUMBERS))
    monkeypatch.setenv("XDG_STATE_HOME", str(own))
    monkeypatch.setenv("XDG_CACHE_HOME", str(own / "cache"))
