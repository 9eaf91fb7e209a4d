"""Undo points: found by name, expired by age and room, the newest never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.promote import expiry, patches, undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.expiry import UndoRule, prune
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
    room = points[0].size

    def expired(keep_days: int | None = None, most_bytes: int | None = None) -> list[UndoPoint]:
        kept = timedelta(days=keep_days) if keep_days is not None else None
        return list(expiry.expired(points, UndoRule(kept, most_bytes), NOW))

    assert expired() == []
    assert expired(keep_days=15) == points[1:]
    assert expired(keep_days=5) == points[1:]
    assert expired(most_bytes=room * 2) == points[2:]
    assert expired(most_bytes=0) == points[1:]


def test_patches_of_rescues_expire_by_the_same_rule_and_by_themselves(beside: Beside) -> None:
    point = keep(beside, 40)
    old, newer, newest = [
        patches.write(beside, iter(["DELETE FROM t;"]), NOW - timedelta(days=days)) for days in (30, 20, 10)
    ]
    others = beside.folder / "app.db.rescue-notes.sql"
    others.write_text("mine")
    assert [patch.file for patch in patches.patches(beside)] == [newest, newer, old]
    rule = UndoRule(keep=timedelta(days=15))
    assert prune(beside, UndoRule(), NOW) == []
    assert [way.name for way in prune(beside, rule, NOW, spare=newer)] == [_stamp(old)]
    assert [way.name for way in prune(beside, rule, NOW)] == [_stamp(newer)]
    assert [patch.file for patch in patches.patches(beside)] == [newest]
    assert prune(beside, UndoRule(keep=timedelta()), NOW) == []
    assert undo.points(beside) == [point]
    assert others.exists()


def _stamp(patch: Path) -> str:
    return patch.name.removeprefix("app.db.rescue-").removesuffix(".sql")


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
