"""Scratch databases as a restore leaves them, without a restore."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.domain import Position, RestorePoint
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreResult
from sqlite_recovery_tui.restore.scratch import scratch_path, write_manifest
from sqlite_recovery_tui.restore.target import Latest
from tests.support.listings import A, at, timeline

POINT = RestorePoint(Position(A, 0x12, 0x41038), at(2551), "key")
PLAN = make_plan(timeline("S0@0 0.0@1"), Latest(), database="/srv/app.db", replica="s3", url="s3://b/app")


def a_scratch(
    folder: Path,
    name: str = "app.db",
    *,
    made: datetime | None = None,
    data: bytes = b"restored",
    lost: tuple[str, ...] = (),
    **verdict: Any,
) -> Path:
    """Pretend a restore to a new scratch, manifest and all; return the database's path."""
    path = scratch_path(folder, name, POINT)
    path.write_bytes(data)
    result = RestoreResult(
        output=path,
        plan=PLAN,
        position=POINT.position,
        time=POINT.time,
        objects=2,
        bytes_fetched=1100,
        objects_reused=0,
        pages=1,
        page_size=4096,
        duration_seconds=0.5,
        continuity="proven",
        lost=lost,
    )
    write_manifest(result, verdict or None, made=made)
    return path
