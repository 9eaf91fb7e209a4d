"""What damaged or missing LTX files cost: which other way there is, and what is lost where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from sqlite_recovery_tui.domain import LtxFile, RestorePoint, Txid
from sqlite_recovery_tui.errors import DamagedError, FormatError, ObjectNotFound, StorageError
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore.detour import Detour
from sqlite_recovery_tui.restore.target import format_utc
from sqlite_recovery_tui.words import plural

_TOLD = 8
_LIST_AGAIN = (
    "compaction and retention remove files while a replica is in use: "
    "run the command again, it lists the replica anew"
)


def damaged(route: LtxRoute, faults: Mapping[LtxFile, FormatError]) -> Detour:
    """Return the way around damaged `faults` of a route, and what it means when there is none."""
    found = {file.key: error.message for file, error in faults.items()}
    notes = _some([f"{key} is damaged ({why}); it was avoided" for key, why in found.items()])
    avoid = dict(zip_longest(found, notes, fillvalue=""))
    shorter = _newest_without(route, frozenset(found))
    first = next(iter(faults))
    return Detour(
        avoid,
        _no_way(route, first, faults[first], frozenset(found), shorter),
        is_whole=True,
        shorter=shorter,
        causes=_some([f"{key}: {why}" for key, why in found.items()]),
    )


def _some(told: Sequence[str]) -> tuple[str, ...]:
    """Return as many lines as a person reads, and how many there are besides."""
    if len(told) <= _TOLD:
        return tuple(told)
    return (*told[: _TOLD - 1], f"and {plural(len(told) - _TOLD + 1, 'more file')} that did not hold either")


def gone(error: StorageError, key: str) -> Detour:
    """Return the way around a file that was listed and is no longer there."""
    missing = ObjectNotFound(
        f"{key} is no longer there: it was removed after the replica was listed",
        operation=error.operation,
        object=key,
        hint=_LIST_AGAIN,
    )
    return Detour(
        {key: f"{key} was removed after the replica was listed; it was avoided"}, missing, is_whole=True
    )


def _no_way(
    route: LtxRoute, file: LtxFile, fault: FormatError, keys: frozenset[str], shorter: LtxRoute | None
) -> DamagedError:
    """Return the refusal for a state that nothing leads to without the files `keys`."""
    last_good = shorter.point if shorter else None
    next_good = _next_without(route, keys)
    others = f" ({plural(len(keys) - 1, 'more file')} damaged)" if len(keys) > 1 else ""
    ways = []
    if last_good is not None:
        ways.append(f"--to-last-good restores TXID {last_good.position} of {format_utc(last_good.time)}")
    if next_good is not None:
        ways.append(f"the next good state is TXID {next_good.position} of {format_utc(next_good.time)}")
    return DamagedError(
        f"{file.key}: {fault.message}{others}; lost: {_extent(route, last_good)}",
        object=file.key,
        last_good=last_good,
        next_good=next_good,
        hint="; ".join([*ways, "no other file leads around it; another replica may be whole"]),
    )


def _extent(route: LtxRoute, last_good: RestorePoint | None) -> str:
    """Say what cannot be reached: everything behind the last good state."""
    if last_good is None:
        return f"everything up to TXID {route.reached} of {format_utc(route.point.time)}"
    assert isinstance(last_good.position, Txid)
    first = Txid(last_good.position.value + 1)
    upto = format_utc(route.point.time)
    if first == route.reached:
        return f"TXID {first} of {upto}"
    return f"TXIDs {first} to {route.reached}, stored from {format_utc(last_good.time)} to {upto}"


def _newest_without(route: LtxRoute, keys: frozenset[str]) -> LtxRoute | None:
    """Return the way to the newest state in front of the route's own that needs none of `keys`."""
    avoided = route.avoided | keys
    point = _around(route, avoided)[0]
    if point is None:
        return None
    assert isinstance(point.position, Txid)
    return route.lineage.route_to(point.position.value, avoided=avoided)


def _next_without(route: LtxRoute, keys: frozenset[str]) -> RestorePoint | None:
    return _around(route, route.avoided | keys)[1]


def _around(route: LtxRoute, avoided: frozenset[str]) -> tuple[RestorePoint | None, RestorePoint | None]:
    """Return the states in front of the route's own and behind it that need none of `avoided`."""
    assert isinstance(route.reached, Txid)
    return route.lineage.without(avoided).around_txid(route.reached.value)
