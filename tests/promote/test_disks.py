"""Where production lies on another disk, on a full one, or where nothing can be written."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.choice import mode_of
from sqlite_recovery_tui.promote.plan import make_plan
from sqlite_recovery_tui.promote.run import Promote, take_back
from tests.promote.conftest import make_database, state_of
from tests.support.disks import disk, make_read_only

MODES = ("online", "swap")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Production on a disk of its own with a megabyte."""
    with disk(tmp_path / "small", "1m") as folder:
        yield make_database(folder / "app.db", "old", rows=40)


def names(live: Path) -> set[str]:
    return {path.name for path in live.parent.iterdir() if not path.name.endswith(("-wal", "-shm"))}


@pytest.mark.parametrize("mode", MODES)
def test_production_on_another_disk_is_promoted_and_taken_back(
    mode: str, tmp_path: Path, small: Path
) -> None:
    new = make_database(tmp_path / "new.db", "new", rows=60)
    assert new.stat().st_dev != small.stat().st_dev
    Promote(make_plan(new, small, mode=mode_of(mode))).run("app.db")
    assert state_of(small) == ("new", 60)
    (point,) = undo.points(Beside(small))
    assert point.folder.stat().st_dev == small.stat().st_dev
    take_back(point, small, confirm="app.db")
    assert state_of(small) == ("old", 40)


@pytest.mark.parametrize("mode", MODES)
def test_no_space_is_told_before_anything_is_done(mode: str, tmp_path: Path, small: Path) -> None:
    new = make_database(tmp_path / "new.db", "new", rows=5_000)
    plan = make_plan(new, small, mode=mode_of(mode))
    with pytest.raises(RefusedError, match=r"not enough space .* bytes needed .* available"):
        Promote(plan).run("app.db")
    assert names(small) == {"app.db"}
    assert state_of(small) == ("old", 40)


@pytest.mark.parametrize("mode", MODES)
def test_a_disk_that_fills_up_meanwhile_leaves_production_as_it_was(
    mode: str, tmp_path: Path, production: Path
) -> None:
    new = make_database(tmp_path / "new.db", "new", rows=5_000)
    plan = make_plan(new, production, mode=mode_of(mode))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))
    try:
        with pytest.raises(RecoverError) as told:
            Promote(plan).run("app.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert told.value.hint
    assert state_of(production) == ("old", 300)
    assert {name for name in names(production) if ".undo-" not in name} == {"app.db"}


@pytest.mark.parametrize("mode", MODES)
def test_a_folder_that_cannot_be_written_is_told(mode: str, tmp_path: Path, small: Path) -> None:
    new = make_database(tmp_path / "new.db", "new", rows=60)
    plan = make_plan(new, small, mode=mode_of(mode))
    make_read_only(small.parent)
    before = small.read_bytes()
    with pytest.raises(RecoverError, match=r"cannot write beside .*app\.db: Read-only file system"):
        Promote(plan).run("app.db")
    assert small.read_bytes() == before
