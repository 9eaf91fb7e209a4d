"""Every test has state and cache of its own: none writes into, or learns from, those of whoever runs it."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_NUMBERS = itertools.count(1)


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
