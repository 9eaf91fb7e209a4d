"""What a restore was asked to do, written into its work directory: enough to take it up again exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.domain import Place, Position, RestorePoint, Txid
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, AtTxid, Latest, Target
from sqlite_recovery_tui.restore.work import base_identity, changes_identity, replace_text

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.run import RestoreOptions

NAME = "order"


@dataclass(frozen=True)
class Order:
    """One restore as it was ordered."""

    database: str | None
    replica: str
    url: str
    requested: Target
    point: RestorePoint
    base: str
    """What tells its base from others, and `changes` its changes: see `work`."""
    changes: str
    base_bytes: int
    fetch_bytes: int
    distance_seconds: float | None
    notes: tuple[str, ...]
    to_last_good: bool
    force: bool
    scratch: bool
    memory_bytes: int
    parallelism: int
    started: datetime

    @staticmethod
    def of(plan: Plan, options: RestoreOptions, started: datetime) -> Order:
        """Return the order that `plan` is carried out by."""
        return Order(
            database=plan.database,
            replica=plan.replica,
            url=plan.url,
            requested=plan.requested,
            point=plan.point,
            base=base_identity(plan.url, plan.base),
            changes=changes_identity(plan.route),
            base_bytes=plan.base.size,
            fetch_bytes=plan.fetch_bytes,
            distance_seconds=plan.distance_seconds,
            notes=plan.notes,
            to_last_good=options.to_last_good,
            force=options.force,
            scratch=options.scratch,
            memory_bytes=options.memory_bytes,
            parallelism=options.parallelism,
            started=started,
        )

    def fits(self, plan: Plan) -> bool:
        """Tell whether a plan made now is just the one that was ordered: the same objects to the same end."""
        same_base = base_identity(plan.url, plan.base) == self.base
        return same_base and changes_identity(plan.route) == self.changes

    def write(self, work: Path) -> None:
        """Write the order into a work directory."""
        values = {
            **vars(self),
            "requested": _target_json(self.requested),
            "point": _point_json(self.point),
            "notes": list(self.notes),
            "started": self.started.isoformat(),
        }
        replace_text(work / NAME, json.dumps(values))

    @staticmethod
    def read(work: Path) -> Order | None:
        """Return the order in a work directory; None where there is none that makes sense."""
        try:
            values = json.loads((work / NAME).read_text())
            return Order(
                **{
                    **values,
                    "requested": _target(values["requested"]),
                    "point": _point(values["point"]),
                    "notes": tuple(map(str, values["notes"])),
                    "started": datetime.fromisoformat(values["started"]),
                }
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None


def _target_json(target: Target) -> dict[str, Any]:
    match target:
        case Latest():
            return {"kind": "latest"}
        case AtTime(time, text):
            return {"kind": "time", "time": time.isoformat(), "text": text}
        case AtPosition(index, offset, generation):
            return {"kind": "position", "index": index, "offset": offset, "generation": generation}
        case AtTxid(txid):
            return {"kind": "txid", "txid": txid}


def _target(values: dict[str, Any]) -> Target:
    match values:
        case {"kind": "time", "time": str(time), "text": str(text)}:
            return AtTime(datetime.fromisoformat(time), text)
        case {"kind": "position", "index": int(index), "offset": offset, "generation": generation}:
            return AtPosition(index, offset, generation)
        case {"kind": "txid", "txid": int(txid)}:
            return AtTxid(txid)
        case {"kind": "latest"}:
            return Latest()
        case _:
            raise ValueError("no target")


def _point_json(point: RestorePoint) -> dict[str, Any]:
    return {
        "position": _place_json(point.position),
        "end": _place_json(point.end) if point.end is not None else None,
        "time": point.time.isoformat(),
        "key": point.key,
    }


def _point(values: dict[str, Any]) -> RestorePoint:
    position, end = _place(values["position"]), values["end"]
    time = datetime.fromisoformat(values["time"])
    return RestorePoint(position, time, str(values["key"]), _place(end) if end is not None else None)


def _place_json(place: Place) -> list[Any]:
    match place:
        case Txid(value):
            return [value]
        case Position(generation, index, offset):
            return [generation, index, offset]


def _place(values: list[Any]) -> Place:
    match values:
        case [int(value)]:
            return Txid(value)
        case [str(generation), int(index), int(offset)]:
            return Position(generation, index, offset)
        case _:
            raise ValueError("no place")
