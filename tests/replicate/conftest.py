"""A database with an application of its own process, and a follower of it with a sink in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.followed import App, Followed


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def app(database: Path) -> Iterator[App]:
    with App(database) as process:
        process.do("PRAGMA journal_mode=wal", "PRAGMA wal_autocheckpoint=0", "CREATE TABLE t(a, b)")
        yield process


@pytest.fixture
def follow(database: Path) -> Iterator[Callable[..., Followed]]:
    with ExitStack() as stack:

        def make(**options: object) -> Followed:
            followed = Followed(database, **options)  # type: ignore[arg-type]
            stack.callback(followed.close)
            return followed

        yield make
