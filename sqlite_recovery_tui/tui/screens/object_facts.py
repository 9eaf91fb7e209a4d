"""A stored object that was taken apart: what it says of itself, what holds, and what is wrong where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy
from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy
from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.screens.object_words import stored_facts
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.describe import Anatomy
    from sqlite_recovery_tui.anatomy.fault import Proof
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen

SHOWN_FAULTS = 4


def verdict(proof: Proof, faults: int = 0) -> Content:
    """Return whether it holds, by glyph, word and colour, and how one knows; `faults` are named elsewhere."""
    glyph, style = ("✓", "$text-success") if proof.holds else ("○", "$text-warning")
    if proof.fails:
        glyph, style = "✗", "bold $text-error"
    if proof.fails and faults:
        wrong = "one thing is wrong" if faults == 1 else f"{faults} things are wrong"
        return text.line((f"{glyph} {proof.word}", style), f": {wrong}")
    return text.line((f"{glyph} {proof.word}", style), f": {proof.how}")


def facts(anatomy: Anatomy, screen: ConsoleScreen) -> Iterator[Fact]:
    """Yield what is known of an object, the verdict first, what is wrong right behind it."""
    yield "checksums", verdict(anatomy.proof, len(anatomy.faults))
    for fault in anatomy.faults[:SHOWN_FAULTS]:
        yield "wrong", text.line(("✗ ", "bold $text-error"), str(fault))
    if len(anatomy.faults) > SHOWN_FAULTS:
        yield "", f"and {len(anatomy.faults) - SHOWN_FAULTS} more"
    match anatomy:
        case SegmentAnatomy():
            yield from _segment(anatomy)
        case SnapshotAnatomy():
            yield from _snapshot(anatomy)
        case LtxAnatomy():
            yield from _ltx(anatomy, screen)
    yield from stored_facts(anatomy.item, screen)


def _segment(anatomy: SegmentAnatomy) -> Iterator[Fact]:
    many = phrases.many
    counts = f"{many(len(anatomy.frames), 'frame')} in {many(anatomy.transactions, 'transaction')}"
    ends = ""
    if anatomy.begins_inside:
        ends += " · begins inside a transaction"
    if anatomy.ends_inside:
        ends += " · ends inside a transaction"
    yield "holds", f"{counts}{ends}"
    where = f"{phrases.size(anatomy.size)} up to {anatomy.end:08x} of WAL {anatomy.item.index:08x}"
    header = anatomy.header
    if header is None:
        yield "WAL", where
        return
    yield "WAL", f"{where} · page size {header.page_size:,} · checkpoint {header.sequence}"
    origin = anatomy.before.header_from
    yield (
        "salts",
        f"{header.salt1:08x} {header.salt2:08x}" + ("" if origin == "this segment" else f" · by {origin}"),
    )


def _snapshot(anatomy: SnapshotAnatomy) -> Iterator[Fact]:
    found = anatomy.facts
    if found is None:
        yield "holds", f"{phrases.many(anatomy.size, 'byte')} that are no database"
        return
    header = found.header
    size = phrases.size(header.page_count * header.page_size)
    free = f" · {found.free_pages:,} of them free" if found.free_pages else ""
    yield "database", f"{size}: {phrases.many(header.page_count, 'page')} of {header.page_size:,}{free}"
    vacuum = " · auto-vacuum" if found.largest_root else ""
    yield (
        "header",
        (
            f"{header.text_encoding} · {found.journal} · SQLite {found.writer}{vacuum} · "
            f"change counter {header.change_counter} · schema cookie {header.schema_cookie}"
        ),
    )
    if anatomy.pages < header.page_count:
        yield "pages", f"the first {anatomy.pages:,} are listed: only so much was read"


def _ltx(anatomy: LtxAnatomy, screen: ConsoleScreen) -> Iterator[Fact]:
    header = anatomy.header
    if header is not None:
        size = phrases.size(header.commit * header.page_size)
        pages = phrases.many(header.commit, "page")
        yield "database", f"{size} after it: {pages} of {header.page_size:,}"
        yield "written", screen.in_full(header.time, fine=True)
        if header.wal_offset:
            salts = f"salts {header.salt1:08x} {header.salt2:08x}"
            yield "from WAL", f"{phrases.size(header.wal_size)} at {header.wal_offset:,} · {salts}"
    listed = "by its page index" if anatomy.by_index else "as they were met"
    yield (
        "holds",
        (f"{phrases.many(anatomy.pages, 'page')}, {listed} · database checksum {anatomy.database_proof}"),
    )
