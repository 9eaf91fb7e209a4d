"""Which table or index a page belongs to, where the object that holds it does not tell: by a state around it.

A segment and an LTX file hold some pages only. Of a segment the snapshot in front of it tells, with the WAL
up to it laid over where that is little; of an LTX file the restore point that it leads to, of which only the
pages that lead on are fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_recovery_tui.anatomy.census import Census, LocalPages, take_census
from sqlite_recovery_tui.anatomy.database import DatabaseFacts
from sqlite_recovery_tui.anatomy.find import base_of, way_to
from sqlite_recovery_tui.anatomy.laid_over import lay_over
from sqlite_recovery_tui.anatomy.snapshot import read_snapshot
from sqlite_recovery_tui.anatomy.unpack import Access
from sqlite_recovery_tui.domain import LtxFile, Snapshot, WalSegment
from sqlite_recovery_tui.errors import Cancelled, FormatError, RecoverError
from sqlite_recovery_tui.formats.lz4 import MAX_RATIO
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.replica.timeline import Timeline

LOCAL_BYTES = 256 << 20
REMOTE_BYTES = 16 << 20
"""A snapshot of more bytes, as stored, is only read at its beginning, where the schema mostly lies."""
MOST_SEGMENTS = 500
"""Between the snapshot and a segment; with more, the snapshot alone has to tell."""
MOST_PAGES = 1 << 24
"""Of a database that is looked through: what is noted of each page takes memory."""
FETCHED_PAGES = 4_000
"""No more single pages than this are fetched to find out whose the others are."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """A census, and of which state it is; or why there is none."""

    census: Census | None
    as_of: str = ""
    why: str = ""

    def words(self, number: int) -> str:
        """Say whose a page is: `table people, as of snapshot 00000003`, `not known: …`."""
        if self.census is None:
            return f"not known: {self.why}"
        owner = self.census.owner(number)
        kind = self.census.kind(number)
        if owner is not None:
            root = ", its root page" if owner.root == number else ""
            return f"{owner.label}{root}, {self.as_of}"
        if kind is not None and not kind.is_btree:
            return f"no table: {kind.word}, {self.as_of}"
        if number > self.census.pages:
            return f"not known: it did not exist {self.as_of}"
        return f"not known: no page that was read leads to it, {self.as_of}"


def belonging_at(access: Access, timeline: Timeline, item: WalSegment | LtxFile) -> Belonging:
    """Take the census of the state around `item`; raises `Cancelled`, any other failure is in the answer."""
    try:
        if isinstance(item, WalSegment):
            base = base_of(timeline, item)
            return _by_snapshot(access, base, way_to(timeline, base, item) if base is not None else ())
        return _by_restore_point(access, timeline, item)
    except Cancelled:
        raise
    except RecoverError as error:
        return Belonging(None, why=error.message)


def _by_snapshot(access: Access, base: Snapshot | None, way: Sequence[WalSegment]) -> Belonging:
    """Take the census of a snapshot, with the WAL laid over it where that is little and holds."""
    if base is None:
        return Belonging(None, why="no snapshot in front of it is stored")
    most = LOCAL_BYTES if access.store.is_local else REMOTE_BYTES
    if base.size > most:
        return _by_beginning(access, base)
    found = read_snapshot(access, base)
    if found.facts is None or found.census is None:
        return _by_beginning(access, base)
    if base.size + sum(segment.size for segment in way) <= most and len(way) <= MOST_SEGMENTS:
        laid = lay_over(access, LocalPages(found.unpacked.data, found.page_size), way)
        if laid is not None:
            facts = DatabaseFacts.parse(laid.fetch([1])[1])
            return Belonging(take_census(laid, facts, cancel=access.cancel), "as of this segment's end")
    return Belonging(found.census, f"as of snapshot {base.label}")


def _by_beginning(access: Access, base: Snapshot) -> Belonging:
    """Read the first block of a snapshot, and see whose pages it leads to."""
    found = read_snapshot(access, base, most=1)
    if found.facts is None:
        return Belonging(None, why=f"snapshot {base.label} cannot be read")
    possible = base.size * MAX_RATIO // found.page_size + 1  # a header may claim anything
    pages = LocalPages(found.unpacked.data, found.page_size, min(found.facts.header.page_count, possible))
    if pages.pages > MOST_PAGES:
        return Belonging(None, why=f"a database of {pages.pages:,} pages is not looked through here")
    census = take_census(pages, found.facts, cancel=access.cancel)
    return Belonging(census, f"as of the beginning of snapshot {base.label}")


def _by_restore_point(access: Access, timeline: Timeline, item: LtxFile) -> Belonging:
    from sqlite_recovery_tui.restore import page_map
    from sqlite_recovery_tui.restore.plan import make_plan
    from sqlite_recovery_tui.restore.remote_pages import RemotePages
    from sqlite_recovery_tui.restore.target import AtTxid

    if timeline.ltx is None:
        return Belonging(None, why="the replica holds no LTX files")
    only = timeline.only(timeline.ltx)
    plan = make_plan(only, AtTxid(item.max_txid), database=None, replica="", url=access.store.url)
    assert isinstance(plan.route, LtxRoute)
    known = page_map.load(access.store, plan.route.files, cancel=access.cancel, progress=access.progress)
    if known.pages > MOST_PAGES:
        return Belonging(None, why=f"a database of {known.pages:,} pages is not looked through here")
    pages = RemotePages(access.store, known, cancel=access.cancel)
    try:
        facts = DatabaseFacts.parse(pages.fetch([1])[1])
    except FormatError as error:
        return Belonging(None, why=error.message)
    census = take_census(
        pages, facts, remote=True, most=FETCHED_PAGES, cancel=access.cancel, progress=access.progress
    )
    return Belonging(census, f"as of TXID {item.max_txid:016x}")


def own(census: Census | None, label: str) -> Belonging:
    """Return whose pages are by the object's own census."""
    if census is None:
        return Belonging(None, why="it was not read in full")
    return Belonging(census, f"as of snapshot {label}")
