"""The lists of a stored object: transactions, frames, pages; rows are made when they are looked at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sqlite_recovery_tui.anatomy.describe import kind_word
from sqlite_recovery_tui.anatomy.kinds import Kind
from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy
from sqlite_recovery_tui.anatomy.segment import FrameState, SegmentAnatomy
from sqlite_recovery_tui.anatomy.snapshot import SnapshotAnatomy
from sqlite_recovery_tui.tui import phrases
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, Role, Row, Source
from sqlite_recovery_tui.tui.widgets.sift import Entries, Made

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.belonging import Belonging
    from sqlite_recovery_tui.anatomy.describe import Anatomy

Listing = Literal["transactions", "frames", "pages"]
_LONGEST = 40

_TRANSACTIONS = (
    Column("number", "transaction", width=11, align="right"),
    Column("offset", "from", least=8, most=16),
    Column("end", "to", least=8, most=16, drop=2),
    Column("frames", "frames", width=8, align="right"),
    Column("pages", "pages", width=8, align="right", drop=1),
    Column("size", "database after it", least=17, most=24),
    Column("state", "checksum", least=10, most=30, grow=True),
)
_FRAMES = (
    Column("number", "frame", width=8, align="right"),
    Column("transaction", "transaction", least=11, most=20),
    Column("page", "page", width=8, align="right"),
    Column("kind", "kind", width=14),
    Column("owner", "belongs to", least=12, most=_LONGEST, drop=1),
    Column("offset", "offset", least=8, most=16, drop=2),
    Column("state", "checksum", least=10, most=30, grow=True),
)
_PAGES = (
    Column("page", "page", width=9, align="right"),
    Column("kind", "kind", width=14),
    Column("owner", "belongs to", least=12, most=_LONGEST, grow=True),
    Column("offset", "at byte", least=8, most=16, align="right", drop=1),
    Column("length", "bytes", least=6, most=9, align="right"),
)


@dataclass(frozen=True)
class Lines:
    """One list of an object, in its columns."""

    columns: tuple[Column, ...]
    entries: Entries


def lines(anatomy: Anatomy, listing: Listing, known: Belonging | None) -> Lines:
    """Return the list that is asked for."""
    match anatomy:
        case SegmentAnatomy() if listing == "transactions":
            return Lines(_TRANSACTIONS, _made(anatomy.transactions, _Transactions(anatomy)))
        case SegmentAnatomy():
            return Lines(_FRAMES, _made(len(anatomy.frames), _Frames(anatomy, known)))
        case SnapshotAnatomy():
            return Lines(_PAGES, _made(anatomy.pages, _SnapshotPages(anatomy, known)))
        case LtxAnatomy():
            return Lines(_PAGES, _made(anatomy.pages, _LtxPages(anatomy, known)))


def _made(count: int, rows: _Rows) -> Entries:
    return _Numbered(range(count), rows.row, rows.text, rows.rank)


class _Numbered(Made):
    """Entries whose keys are their numbers: of any length, nothing is ever made of all of them."""

    def source(self, order: Sequence[int] | None) -> Source:
        return _InOrder(len(self.keys), self.make) if order is None else super().source(order)


@dataclass(frozen=True)
class _InOrder:
    """Rows in the order of their numbers."""

    count: int
    make: Callable[[int], Row]

    def row_count(self) -> int:
        return self.count

    def row(self, index: int) -> Row:
        return self.make(index)

    def index_of(self, key: Hashable) -> int | None:
        return key if isinstance(key, int) and 0 <= key < self.count else None


class _Rows(ABC):
    """Rows by their number, which is their key."""

    ranks: dict[str, Callable[[int], Any]]

    @abstractmethod
    def row(self, number: int) -> Row:
        """Return what is shown of one."""

    def text(self, number: int) -> str:
        """Return what a filter looks at: numbers with their commas and without."""
        shown = "  ".join(cell.text if isinstance(cell, Cell) else cell for cell in self.row(number).cells)
        return f"{shown}  {shown.replace(',', '')}" if "," in shown else shown

    def rank(self, number: int, column: str) -> Any:
        return self.ranks[column](number)


class _Transactions(_Rows):
    def __init__(self, anatomy: SegmentAnatomy) -> None:
        self._anatomy = anatomy
        of = anatomy.transaction
        self.ranks = {
            "number": lambda number: number,
            "offset": lambda number: number,
            "end": lambda number: number,
            "frames": lambda number: of(number).frames,
            "pages": lambda number: of(number).pages,
            "size": lambda number: of(number).size or None,
            "state": lambda number: int(of(number).state),
        }

    def row(self, number: int) -> Row:
        each = self._anatomy.transaction(number)
        page_size = self._anatomy.page_size
        after = f"{phrases.many(each.size, 'page')}, {phrases.size(each.size * page_size)}"
        return Row(
            number,
            (
                f"{number:,}",
                f"{each.start:08x}",
                f"{each.end:08x}",
                f"{each.frames:,}",
                f"{each.pages:,}",
                after if each.size else Cell("▲ no commit here", "warn"),
                state_cell(each.state),
            ),
            role="bad" if each.state.is_bad else "",
        )


class _Frames(_Rows):
    def __init__(self, anatomy: SegmentAnatomy, known: Belonging | None) -> None:
        self._anatomy, self._known = anatomy, known
        of = anatomy.frame
        self.ranks = {
            "number": lambda number: number,
            "transaction": lambda number: number,
            "page": lambda number: of(number).page,
            "kind": lambda number: of(number).kind.word,
            "owner": lambda number: _owner(known, of(number).page) or None,
            "offset": lambda number: number,
            "state": lambda number: int(of(number).state),
        }

    def row(self, number: int) -> Row:
        each = self._anatomy.frame(number)
        return Row(
            number,
            (
                f"{number:,}",
                Cell(self._bracket(number, each.commit), "muted"),
                f"{each.page:,}",
                kind_word(each.kind, self._known, each.page),
                _owner(self._known, each.page),
                Cell(f"{each.offset:08x}", "muted"),
                state_cell(each.state),
            ),
            role="bad" if each.state.is_bad else "",
        )

    def text(self, number: int) -> str:
        return self._texts[number]

    @cached_property
    def _texts(self) -> list[str]:
        """What a filter looks at, of all frames at once: one by one they would take seconds."""
        anatomy = self._anatomy
        count = len(anatomy.frames)
        kinds = {kind.value: kind.word for kind in Kind}
        states = {state.value: state.word for state in FrameState}
        transactions = np.searchsorted(anatomy.ends, np.arange(count), side="right").tolist()
        return [
            f"{number}  {transaction} {'commit' if commit else ''}  {page}  {kinds[kind]}  "
            f"{_owner(self._known, page)}  {anatomy.offset_of(number):08x}  {states[state]}"
            for number, transaction, commit, page, kind, state in zip(
                range(count),
                transactions,
                anatomy.frames.commit.tolist(),
                anatomy.frames.pgno.tolist(),
                anatomy.kinds.tolist(),
                anatomy.states.tolist(),
                strict=True,
            )
        ]

    def _bracket(self, number: int, commit: int) -> str:
        """Return how a frame lies in its transaction: first, between, or the commit."""
        transaction = self._anatomy.transaction_of(number)
        first = number == 0 or self._anatomy.transaction_of(number - 1) != transaction
        label = f"{transaction:,}" if first else ""
        if commit:
            return f"{'╶' if first else '└'} {label}{' ' if label else ''}commit"
        return f"┌ {label}" if first else "│"


class _SnapshotPages(_Rows):
    def __init__(self, anatomy: SnapshotAnatomy, known: Belonging | None) -> None:
        self._anatomy, self._known = anatomy, known
        self.ranks = {
            "page": lambda number: number,
            "kind": lambda number: anatomy.kind(number + 1).word,
            "owner": lambda number: _owner(known, number + 1) or None,
            "offset": lambda number: number,
            "length": lambda number: number,
        }

    def row(self, number: int) -> Row:
        page, page_size = number + 1, self._anatomy.page_size
        kind = self._anatomy.kind(page)
        owner = _owner(self._known, page)
        cells = (f"{page:,}", kind.word, owner, Cell(f"{number * page_size:,}", "muted"), f"{page_size:,}")
        return Row(number, cells, role="" if kind.is_btree or owner else "muted")


class _LtxPages(_Rows):
    def __init__(self, anatomy: LtxAnatomy, known: Belonging | None) -> None:
        self._anatomy, self._known = anatomy, known
        index = anatomy.index
        self.ranks = {
            "page": lambda number: number,
            "kind": lambda number: kind_word(anatomy.kind(number), known, int(index.pgno[number])),
            "owner": lambda number: _owner(known, int(index.pgno[number])) or None,
            "offset": lambda number: number,
            "length": lambda number: int(index.length[number]),
        }

    def row(self, number: int) -> Row:
        index = self._anatomy.index
        page = int(index.pgno[number])
        return Row(
            number,
            (
                f"{page:,}",
                kind_word(self._anatomy.kind(number), self._known, page),
                _owner(self._known, page),
                Cell(f"{int(index.offset[number]):,}", "muted"),
                f"{int(index.length[number]):,}",
            ),
        )


def state_cell(state: FrameState) -> Cell:
    """Return what is known of a frame, by glyph, word and role."""
    role: Role = "bad" if state.is_bad else "ok" if state is FrameState.PROVEN else "warn"
    glyph = {"bad": "✗", "ok": "✓", "warn": "○"}[role]
    return Cell(f"{glyph} {state.word}", role)


def _owner(known: Belonging | None, page: int) -> str:
    owner = known.census.owner(page) if known is not None and known.census is not None else None
    return owner.label if owner is not None else ""
