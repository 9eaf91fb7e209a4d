"""A drill over the demo names what is planted in it at each moment that takes it, and proves the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.demo.trading import PlantedFault
from sqlite_recovery_tui.formats.generations import ObjectName, parse_key
from sqlite_recovery_tui.verify.drill import LATEST, Order, Verdict, carry_out

Stored = tuple[datetime, ObjectName]
FEW = 4


def drill(replica: Path, moment: datetime | None) -> Verdict:
    return carry_out(
        Order(None, None, replica.name, replica.as_uri(), moment.isoformat() if moment else LATEST)
    )


def stored(replica: Path) -> list[Stored]:
    """Return the objects of a replica with their times, in order of time."""
    named = ((path, parse_key(path.relative_to(replica).as_posix())) for path in replica.rglob("*.lz4"))
    found = [(datetime.fromtimestamp(path.stat().st_mtime, UTC), name) for path, name in named if name]
    return sorted(found, key=lambda item: (item[0], item[1].generation, item[1].index, item[1].offset or -1))


def some(moments: Sequence[datetime]) -> list[datetime]:
    """Return a few of them, the first and the last among these."""
    return [moments[at * (len(moments) - 1) // (FEW - 1)] for at in range(FEW)]


def moments(objects: Sequence[Stored], faults: Sequence[PlantedFault]) -> Iterator[datetime]:
    """Yield moments of each generation, those before and at each fault, and where that is over."""
    for generation in sorted({name.generation for _, name in objects}):
        yield from some([time for time, name in objects if name.generation == generation])
    for fault in faults:
        yield max(time for time, _ in objects if time < fault.time)
        yield min(time for time, _ in objects if time > fault.time)
        healed = min(time for time, name in objects if time > fault.time and name.offset is None)
        yield healed - timedelta(milliseconds=1)
        yield healed


def depends(moment: datetime, objects: Sequence[Stored], fault: PlantedFault) -> bool:
    """Tell whether the state of a moment takes the object that a fault is in."""
    name = parse_key(fault.key)
    assert name is not None
    base = [each for time, each in objects if time <= moment and each.offset is None][-1]
    return moment >= fault.time and (base.generation, True) == (name.generation, base.index <= name.index)


def test_each_planted_fault_is_named_and_the_rest_is_proven(incident: DemoIncident) -> None:
    assert incident.faults
    seen: set[str] = set()
    for replica in incident.replicas:
        objects = stored(replica)
        planted = [fault for fault in incident.faults if fault.replica == replica]
        for moment in [*moments(objects, planted), None]:
            found = drill(replica, moment)
            due = [fault.key for fault in planted if depends(moment or objects[-1][0], objects, fault)]
            if due:
                assert found.error is not None, f"{replica.name} at {moment}: {found.words}"
                assert (found.code, found.error["object"]) == (4, due[0])
                seen.update(due)
            else:
                assert found.ok, f"{replica.name} at {moment}: {found.words}"
                assert found.restored["continuity"] == "proven"
    assert seen == {fault.key for fault in incident.faults}


def test_the_queue_is_proven_throughout(incident: DemoIncident) -> None:
    replica = incident.jobs.replica
    times = sorted(path.stat().st_mtime for path in replica.rglob("*.ltx"))
    for moment in [
        *some([datetime.fromtimestamp(time + 1, UTC) for time in times if time < times[-1]]),
        None,
    ]:
        found = drill(replica, moment)
        assert found.ok, f"at {moment}: {found.words}"
        assert found.restored["continuity"] == "proven"
