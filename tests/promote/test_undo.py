"""Undo points: found by name, expired by age and room, the newest never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.undo import Draft, UndoPoint

NOW = datetime(2026, 3, 26, 14, 0, tzinfo=UTC)


@pytest.fixture
def beside(production: Path) -> Beside:
    return Beside(production)


def keep(beside: Beside, days_ago: int, size: int = 1000) -> UndoPoint:
    draft = Draft(beside, NOW - timedelta(days=days_ago))
    draft.database.write_bytes(bytes(size))
    folder = draft.commit("promote")
    return next(point for point in undo.points(beside) if point.folder == folder)


def test_they_are_listed_newest_first_and_found_by_the_beginning_of_their_name(beside: Beside) -> None:
    old, new = keep(beside, 3), keep(beside, 1)
    assert undo.points(beside) == [new, old]
    assert undo.find(beside, None) == new
    assert undo.find(beside, old.name[:8]) == old
    with pytest.raises(NotFoundError, match="no undo point"):
        undo.find(beside, "2020")
    with pytest.raises(NotFoundError, match="2 undo points"):
        undo.find(beside, "2026")


def test_a_folder_of_somebody_else_is_none(beside: Beside) -> None:
    (beside.folder / "app.db.undo-notes").mkdir()
    (beside.folder / "app.db.undo-20260101T000000Z").mkdir()
    assert undo.points(beside) == []
    with pytest.raises(NotFoundError, match="there is no undo point"):
        undo.find(beside, None)


def test_they_expire_by_age_and_by_room_but_never_the_newest(beside: Beside) -> None:
    points = [keep(beside, days) for days in (30, 20, 10)][::-1]
    expired = undo.expired
    assert list(expired(points, NOW)) == []
    assert list(expired(points, NOW, keep=timedelta(days=15))) == points[1:]
    assert list(expired(points, NOW, keep=timedelta(days=5))) == points[1:]
    assert list(expired(points, NOW, keep_bytes=points[0].size * 2)) == points[2:]
    assert list(expired(points, NOW, keep_bytes=0)) == points[1:]


def test_what_is_left_of_an_interrupted_deletion_is_swept(beside: Beside) -> None:
    point = keep(beside, 1)
    point.folder.rename(point.folder.with_name(f".{point.folder.name}.deleted"))
    assert undo.points(beside) == []
    undo.sweep(beside)
    assert {path.name for path in beside.folder.iterdir()} == {"app.db"}


def test_a_removed_one_is_gone(beside: Beside) -> None:
    point = keep(beside, 1)
    undo.remove(point)
    assert not point.folder.exists()
    assert {path.name for path in beside.folder.iterdir()} == {"app.db"}
