"""What a stored object is made of, as lines for people and members for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.words import both_zones, plural, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.belonging import Belonging
    from sqlite_recovery_tui.anatomy.describe import Anatomy, Found
    from sqlite_recovery_tui.anatomy.fault import Proof
    from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy
    from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
    from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy

Facts = Iterator[tuple[str, object]]
Table = tuple[Sequence[str], Iterator[Sequence[object]]]


def title(anatomy: Anatomy) -> tuple[str, str]:
    """Return what the object is, and its name."""
    from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy
    from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
    from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy

    item = anatomy.item
    match anatomy:
        case SegmentAnatomy():
            return "segment", f"  {item.label} of generation {anatomy.item.generation}"
        case SnapshotAnatomy():
            return "snapshot", f"  {item.label} of generation {anatomy.item.generation}"
        case LtxAnatomy():
            return "LTX file", f"  {item.label} of level {anatomy.item.level}"


def facts(anatomy: Anatomy) -> Facts:
    """Yield what is known of the object, name by name."""
    from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy
    from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
    from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy

    item = anatomy.item
    yield "object", item.key
    yield "time", both_zones(item.time)
    yield "stored", f"{size(item.size)} ({item.size:,} bytes)"
    match anatomy:
        case SegmentAnatomy():
            yield from _segment(anatomy)
        case SnapshotAnatomy():
            yield from _snapshot(anatomy)
        case LtxAnatomy():
            yield from _ltx(anatomy)
    yield "checksums", verdict(anatomy.proof)
    for fault in anatomy.faults:
        yield "wrong", str(fault)


def verdict(proof: Proof) -> str:
    """Return whether it holds, and how one knows."""
    glyph = "✓" if proof.holds else "✗" if proof.fails else "○"
    return f"{glyph} {proof.word}: {proof.how}"


def _segment(anatomy: SegmentAnatomy) -> Facts:
    yield "holds", f"{plural(anatomy.size, 'byte')} of WAL {anatomy.item.index:08x}, up to {anatomy.end:08x}"
    header = anatomy.header
    if header is not None:
        told = "" if anatomy.before.header_from == "this segment" else f" (by {anatomy.before.header_from})"
        yield (
            "WAL header",
            f"page size {header.page_size:,}, checkpoint sequence {header.sequence}, "
            f"salts {header.salt1:08x} {header.salt2:08x}{told}",
        )
    yield "frames", f"{plural(len(anatomy.frames), 'frame')} in {plural(anatomy.transactions, 'transaction')}"
    if anatomy.begins_inside:
        yield "begins", "inside a transaction of the segment before it"
    if anatomy.ends_inside:
        yield "ends", "inside a transaction: its commit is in the next segment, or was never written"


def _snapshot(anatomy: SnapshotAnatomy) -> Facts:
    facts = anatomy.facts
    if facts is None:
        yield "holds", f"{plural(anatomy.size, 'byte')} that are no database"
        return
    header = facts.header
    yield "database", f"{plural(header.page_count, 'page')} of {header.page_size:,} bytes"
    if anatomy.unpacked.proof.holds or anatomy.unpacked.faults:
        yield "decoded", plural(anatomy.size, "byte")
    yield "encoding", header.text_encoding
    yield "journal", facts.journal
    yield "counters", f"change counter {header.change_counter}, schema cookie {header.schema_cookie}"
    yield "written by", f"SQLite {facts.writer}"
    yield "freelist", f"{plural(facts.free_pages, 'page')}"
    if facts.largest_root:
        yield "auto-vacuum", "on: pointer maps keep track of its pages"
    if anatomy.census is not None:
        yield "schema", plural(len(anatomy.census.trees), "table and index", "tables and indexes")


def _ltx(anatomy: LtxAnatomy) -> Facts:
    header = anatomy.header
    if header is not None:
        yield "written", both_zones(header.time)
        yield "database", f"{plural(header.commit, 'page')} of {header.page_size:,} bytes after it"
        if header.wal_offset:
            place = f"{header.wal_offset:,}, {plural(header.wal_size, 'byte')}"
            yield "from WAL", f"offset {place}, salts {header.salt1:08x} {header.salt2:08x}"
    listed = "by its page index" if anatomy.by_index else "as they were met: its page index cannot be read"
    yield "pages", f"{plural(anatomy.pages, 'page')}, {listed}"
    yield "database checksum", anatomy.database_proof
    if anatomy.trailer is not None:
        yield "file checksum", f"{anatomy.trailer.checksum:016x}"


def transactions(anatomy: SegmentAnatomy) -> Table:
    """Return the transactions of a segment."""
    found = map(anatomy.transaction, range(anatomy.transactions))
    heads = ("transaction", "offset", "end", "frames", "pages", "database", "state")
    return heads, (
        (
            each.number,
            f"{each.start:08x}",
            f"{each.end:08x}",
            each.frames,
            each.pages,
            plural(each.size, "page") if each.size else "no commit",
            each.state.word,
        )
        for each in found
    )


def frames(anatomy: SegmentAnatomy) -> Table:
    """Return the frames of a segment."""
    found = map(anatomy.frame, range(len(anatomy.frames)))
    heads = ("frame", "offset", "page", "kind", "commit", "state")
    return heads, (
        (each.number, f"{each.offset:08x}", each.page, each.kind.word, each.commit or "-", each.state.word)
        for each in found
    )


def pages(anatomy: Anatomy, known: Belonging | None) -> Table:
    """Return the pages of an object, in a segment each frame's."""
    from sqlite_recovery_tui.anatomy.describe import page_places

    heads = ("page", "kind", "offset", "length", "belongs_to")
    return heads, (_page_row(anatomy, place, known) for place in range(page_places(anatomy)))


def _page_row(anatomy: Anatomy, place: int, known: Belonging | None) -> Sequence[object]:
    from sqlite_recovery_tui.anatomy.describe import kind_word
    from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy
    from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
    from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy

    match anatomy:
        case SegmentAnatomy():
            frame = anatomy.frame(place)
            return (
                frame.page,
                kind_word(frame.kind, known, frame.page),
                f"{frame.offset:08x}",
                anatomy.page_size,
                _owner(known, frame.page),
            )
        case SnapshotAnatomy():
            number, page_size = place + 1, anatomy.page_size
            return (
                number,
                anatomy.kind(number).word,
                f"{place * page_size:08x}",
                page_size,
                _owner(known, number),
            )
        case LtxAnatomy():
            number, index = int(anatomy.index.pgno[place]), anatomy.index
            offset, length = int(index.offset[place]), int(index.length[place])
            return (
                number,
                kind_word(anatomy.kind(place), known, number),
                f"{offset:08x}",
                length,
                _owner(known, number),
            )


def _owner(known: Belonging | None, number: int) -> str:
    owner = known.census.owner(number) if known is not None and known.census is not None else None
    return owner.label if owner is not None else "-"


def page_facts(found: Found, known: Belonging) -> Facts:
    """Yield what one page holds, name by name."""
    page, tree = found.page, found.page.btree
    yield "page", f"{page.number:,}, {plural(page.size, 'byte')}, {found.place}"
    sure = "" if page.kind_is_known else ", by its first byte"
    yield "kind", f"{page.kind_word}{sure}"
    yield "belongs to", known.words(page.number)
    if tree is not None:
        yield "cells", f"{tree.cells:,}, content from byte {tree.content_start:,}"
        blocks = f", {plural(tree.free_blocks, 'free block')}" if tree.free_blocks else ""
        yield "free", f"{plural(tree.free_bytes, 'byte')}{blocks}"
        if tree.right_child:
            yield "right-most child", f"page {tree.right_child:,}"
    yield "first bytes", page.image[:16].hex(" ")
    for fault in page.faults:
        yield "wrong", fault


def cells(found: Found) -> Table:
    """Return the cells of a page."""
    page = found.page
    heads = ("cell", "offset", "bytes", "rowid", "child", "overflow", "values")
    return heads, (
        (
            cell.number,
            f"{cell.start:04x}",
            cell.size,
            "-" if cell.rowid is None else cell.rowid,
            cell.child or "-",
            cell.overflow or "-",
            page.values(cell),
        )
        for cell in page.cells
    )


def page_members(found: Found, known: Belonging, *, with_bytes: bool) -> dict[str, Any]:
    """Return a page as JSON has it."""
    page = found.page
    owner = known.census.owner(page.number) if known.census is not None else None
    listed = [
        {
            "cell": cell.number,
            "offset": cell.start,
            "size": cell.size,
            "rowid": cell.rowid,
            "child": cell.child or None,
            "payload": cell.payload,
            "overflow": cell.overflow or None,
        }
        for cell in page.cells
    ]
    return {
        **page.to_json(),
        "place": found.place,
        "belongs_to": None
        if owner is None
        else {"kind": owner.kind, "name": owner.name, "table": owner.table},
        "belongs_to_words": known.words(page.number),
        "cell_list": listed,
        **({"bytes": page.image.hex()} if with_bytes else {}),
    }


def rows_as_members(table: Table) -> list[dict[str, object]]:
    """Return a table's rows as JSON members."""
    heads, rows = table
    return [dict(zip(heads, (None if cell == "-" else cell for cell in row), strict=True)) for row in rows]
