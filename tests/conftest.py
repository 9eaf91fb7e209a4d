"""Every test has a state directory of its own: none writes into, or learns from, that of whoever runs it."""

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
    """Let the state directory be one that is not there yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(_state_folders / str(next(_NUMBERS))))
