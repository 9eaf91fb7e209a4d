"""Any stored object taken apart, and any page of it: one way in for whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_recovery_tui.anatomy import find
from sqlite_recovery_tui.anatomy.belonging import Belonging, belonging_at, own
from sqlite_recovery_tui.anatomy.kinds import Kind, kind_of
from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy, read_ltx, read_ltx_page
from sqlite_recovery_tui.anatomy.page import Page, parse_page
from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy, read_segment
from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy, read_snapshot
from sqlite_recovery_tui.anatomy.unpack import Access
from sqlite_recovery_tui.domain import LtxFile, Snapshot, StoredObject, WalSegment
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.replica.timeline import Timeline

Anatomy = SegmentAnatomy | SnapshotAnatomy | LtxAnatomy
HEAD_BYTES = 1
"""Any first byte of a snapshot brings its whole first block: header and schema."""


@dataclass(frozen=True)
class Found:
    """A page of an object, and where in it."""

    page: Page
    place: str
    """In words, such as `frame 12, offset 0000a3f0 of the WAL`."""
    number: int
    """Of the frame, or in the list of pages."""


def describe(access: Access, timeline: Timeline, item: StoredObject, *, whole: bool = True) -> Anatomy:
    """Take `item` apart; without `whole` snapshots and LTX files are not read to their end.

    Raises `StorageError` and `Cancelled` only: what is wrong with the object is in the answer.
    """
    match item:
        case WalSegment():
            around = find.around(timeline, item)
            return read_segment(access, item, first=around.first, previous=around.previous)
        case Snapshot():
            return read_snapshot(access, item, most=None if whole else HEAD_BYTES)
        case LtxFile():
            return read_ltx(access, item, whole=whole)


def belonging(access: Access, timeline: Timeline, anatomy: Anatomy) -> Belonging:
    """Find out whose pages are; raises `Cancelled`, any other failure is in the answer."""
    if isinstance(anatomy, SnapshotAnatomy):
        return own(anatomy.census, anatomy.item.label)
    return belonging_at(access, timeline, anatomy.item)


def page_places(anatomy: Anatomy) -> int:
    """Return how many page images there are."""
    match anatomy:
        case SegmentAnatomy():
            return len(anatomy.frames)
        case SnapshotAnatomy() | LtxAnatomy():
            return anatomy.pages


def place_of_page(anatomy: Anatomy, number: int) -> int:
    """Return where page `number` is, in a segment its newest image; raise `NotFoundError`."""
    match anatomy:
        case SegmentAnatomy():
            place = anatomy.newest_of(number)
        case SnapshotAnatomy():
            place = number - 1 if 0 < number <= anatomy.pages else None
        case LtxAnatomy():
            place = anatomy.place_of(number)
    if place is None:
        raise NotFoundError(
            f"page {number:,} is not in {anatomy.item.key}", hint="its list of pages shows which it holds"
        )
    return place


def kind_word(seen: Kind | None, known: Belonging | None, number: int) -> str:
    """Return what a page in a list is: by its first byte (None: not read), or by what is known."""
    told = known.census.kind(number) if known is not None and known.census is not None else None
    if seen is None:
        return told.word if told is not None else "not read"
    return told.word if seen is Kind.UNKNOWN and told is not None and not told.is_btree else seen.word


def open_page(access: Access, anatomy: Anatomy, place: int, known: Belonging | None = None) -> Found:
    """Return the page image number `place`, taken apart; what `known` tells of it goes in.

    Raises `DamagedError`, `StorageError`.
    """
    image, number, where = _image(access, anatomy, place)
    census = known.census if known is not None else None
    if isinstance(anatomy, SnapshotAnatomy) and census is None:
        census = anatomy.census
    facts = census.facts if census is not None else None
    if isinstance(anatomy, SnapshotAnatomy) and facts is None:
        facts = anatomy.facts
    page = parse_page(
        image,
        number,
        kind=_kind(anatomy, census.kind(number) if census is not None else None, image, number),
        reserved=facts.reserved if facts is not None else 0,
        encoding=facts.codec if facts is not None else "utf-8",
        pages=anatomy.pages if isinstance(anatomy, SnapshotAnatomy) else 0,
    )
    return Found(page, where, place)


def _kind(anatomy: Anatomy, known: Kind | None, image: bytes, number: int) -> Kind | None:
    """Return what a page is known to be; in a segment or LTX file it may have become something else."""
    if isinstance(anatomy, SnapshotAnatomy) or known is None:
        return known
    guessed = kind_of(number, image)
    fits = guessed is known or (guessed is Kind.UNKNOWN and not known.is_btree) or known is Kind.FREE
    return known if fits else None


def _image(access: Access, anatomy: Anatomy, place: int) -> tuple[bytes, int, str]:
    match anatomy:
        case SegmentAnatomy():
            frame = anatomy.frame(place)
            return anatomy.image(place), frame.page, f"frame {place:,}, offset {frame.offset:08x} of the WAL"
        case SnapshotAnatomy():
            image = anatomy.image(place + 1)
            assert image is not None
            return image, place + 1, f"byte {place * anatomy.page_size:,} of the database"
        case LtxAnatomy():
            offset = int(anatomy.index.offset[place])
            number = int(anatomy.index.pgno[place])
            return read_ltx_page(access, anatomy, place), number, f"byte {offset:,} of the file"
