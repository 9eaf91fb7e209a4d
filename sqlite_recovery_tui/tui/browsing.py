"""Looking through a place for replicas, in a thread; what is found is handed out on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.errors import RecoverError
    from sqlite_recovery_tui.replica.browse import Sighting
    from sqlite_recovery_tui.tui.engine import Report


@dataclass(frozen=True)
class Findings:
    """What was found so far, by URL, in the order of the URLs."""

    where: str
    """The place as its URL; as it was typed while it is not understood yet."""
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    objects: int = 0
    complete: bool = False
    errors: tuple[RecoverError, ...] = ()
    cut_short: bool = False


def look_through(settings: Settings | None, where: str, clock: Clock, report: Report) -> Findings:
    """Find every replica below `where`; raises what `browse` raises."""
    from sqlite_recovery_tui.replica.browse import browse

    found: dict[str, Sighting] = {}

    def take(sighting: Sighting) -> None:
        found[sighting.url] = _worked_out(sighting)
        report.partial(Findings(where, _in_order(found)))

    result = browse(
        settings, where, on_found=take, progress=report.progress, cancel=report.cancel, clock=clock
    )
    return Findings(
        result.place.url,
        _in_order({each.url: _worked_out(each) for each in result.sightings}),
        result.objects,
        True,
        result.errors,
        result.cut_short,
    )


def known_places(settings: Settings | None) -> list[str]:
    """Return the URLs of what configured replicas lie in."""
    from sqlite_recovery_tui.replica.browse import known_places as places

    return places(settings)


def _in_order(found: Mapping[str, Sighting]) -> dict[str, Sighting]:
    return {url: found[url] for url in sorted(found)}


def _worked_out(sighting: Sighting) -> Sighting:
    """Have its timeline find out what the screen shows."""
    timeline = sighting.timeline
    _ = timeline.newest, timeline.oldest, timeline.holes, timeline.warnings, timeline.size
    return sighting
