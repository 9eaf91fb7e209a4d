"""`sqlrecover browse`: every replica below a bucket, prefix or folder, also those no configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.words import ago, plural, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.browse import Browsed, Sighting

_HEADS = ("replica", "format", "newest", "oldest", "objects", "size", "gaps", "configured")


@subcommand("browse")
@click.argument("where", metavar="URL|DIR")
def command(session: Session, where: str) -> int:
    """Find every replica below a bucket, a prefix of it or a directory, of either Litestream.

    Needs no configuration; with one, the credentials of a replica in the same bucket are used, and each
    replica is shown with its database, or as configured nowhere: that of a database that was deleted, say.
    """
    from sqlite_recovery_tui.errors import NotFoundError
    from sqlite_recovery_tui.replica.browse import browse

    with session.meter() as meter:
        found = browse(session.settings, where, progress=meter, cancel=session.cancel, clock=session.clock)
    if not found.sightings:
        raise (
            found.errors[0]
            if found.errors
            else NotFoundError(
                f"no replica was found below {found.place.url}",
                hint=f"{plural(found.objects, 'object')} looked at; see that bucket and path are right",
            )
        )
    session.out.table(_HEADS, [_row(session, each) for each in found.sightings])
    code = _report(session, found)
    session.document(
        {
            "url": found.place.url,
            "replicas": [each.to_json() for each in found.sightings],
            "objects": found.objects,
            "complete": not found.errors and not found.cut_short,
            "errors": [error.to_json() for error in found.errors],
        }
    )
    return code


def _row(session: Session, sighting: Sighting) -> tuple[object, ...]:
    timeline, now = sighting.timeline, session.clock.now()
    newest, oldest = timeline.newest, timeline.oldest
    return (
        sighting.url,
        timeline.format,
        ago(newest.time, now) if newest else "nothing",
        ago(oldest.time, now) if oldest else "-",
        timeline.objects,
        size(timeline.size),
        len(timeline.holes) or "none",
        sighting.known_as or "no",
    )


def _report(session: Session, found: Browsed) -> int:
    """Print what could not be looked into; return the first error's exit code, or 0."""
    for error in found.errors:
        session.err.error(error)
    if found.cut_short:
        session.err.warning("there is more below than is looked through: name a longer prefix")
    return found.errors[0].code if found.errors else 0
