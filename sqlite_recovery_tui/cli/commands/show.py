"""`sqlrecover show`: take one stored object apart: frames, transactions, pages, and what is wrong where."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import DamagedError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_recovery_tui.anatomy.belonging import Belonging
    from sqlite_recovery_tui.anatomy.describe import Anatomy, Found
    from sqlite_recovery_tui.anatomy.unpack import Access
    from sqlite_recovery_tui.cli.anatomy import Table
    from sqlite_recovery_tui.domain import StoredObject
    from sqlite_recovery_tui.replica.fleet import ReplicaState
    from sqlite_recovery_tui.replica.timeline import Timeline

_SHOWN_ROWS = 40
"""Of transactions and cells, where nobody asked for a list."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The command line as it was typed, parsed."""

    target: str
    object: str
    replica: str | None
    frames: bool
    pages: bool
    page: int | None
    frame: int | None
    hex: bool
    quick: bool


@subcommand("show")
@target_argument(required=True)
@click.argument("object", metavar="OBJECT|POSITION|TXID")
@replica_option
@click.option("--frames", is_flag=True, help="List every frame of a WAL segment.")
@click.option("--pages", is_flag=True, help="List every page, and whose it is where that is known.")
@click.option("--page", type=click.IntRange(1), metavar="N", help="Take page N apart; its newest image.")
@click.option(
    "--frame",
    type=click.IntRange(0),
    metavar="N",
    help="Take the page apart that frame N of a segment writes.",
)
@click.option("--hex", is_flag=True, help="With -page or -frame: its bytes.")
@click.option("--quick", is_flag=True, help="Read headers and indexes alone; then nothing is proven.")
def command(session: Session, **wished: Any) -> int:
    """Take one stored object apart: what it holds, whether its checksums hold, what is wrong where.

    The object is named by its key or file name, by a position (0000000c:00001038, with GENERATION/ in
    front where several have it), or by a TXID. A damaged object is shown as far as it can be read; the
    exit code is then 4.
    """
    wish = Wish(**wished)
    if wish.page is not None and wish.frame is not None:
        raise UsageError("-page and -frame exclude one another", hint="give one of them")
    if wish.hex and wish.page is None and wish.frame is None:
        raise UsageError("-hex needs -page or -frame", hint="say which page, such as -page 1")
    from sqlite_recovery_tui.anatomy.unpack import Access
    from sqlite_recovery_tui.cli.listing import scan_all, single_error
    from sqlite_recovery_tui.storage.open import open_store

    states = scan_all(session, session.refs(wish.target, wish.replica))
    single_error(states)
    state, timeline, item = _object(states, wish.object)
    with closing(open_store(state.ref.replica, clock=session.clock)) as store, session.meter() as meter:
        folder = Path(tempfile.gettempdir())
        access = Access(store, state.ref.identities, folder, session.cancel, meter)
        shown = _look(access, timeline, item, wish)
    return shown.tell(session, state, wish)


def _object(states: Sequence[ReplicaState], text: str) -> tuple[ReplicaState, Timeline, StoredObject]:
    """Return the object that is meant, of the only replica that has it."""
    from sqlite_recovery_tui.anatomy.find import find

    found: list[tuple[ReplicaState, Timeline, StoredObject]] = []
    missed: NotFoundError | None = None
    for state in states:
        if state.timeline is None:
            continue
        try:
            found.append((state, state.timeline, find(state.timeline, text)))
        except NotFoundError as error:
            missed = missed or error
    if len(found) > 1:
        names = ", ".join(state.ref.label for state, _, _ in found)
        raise UsageError(f"{text!r} is in several replicas: {names}", hint="choose one with -replica")
    if not found:
        errors = [state.error for state in states if state.error is not None]
        raise missed or (errors[0] if errors else NotFoundError(f"no replica holds {text!r}"))
    return found[0]


def _look(access: Access, timeline: Timeline, item: StoredObject, wish: Wish) -> _Shown:
    from sqlite_recovery_tui.anatomy import describe

    anatomy = describe.describe(access, timeline, item, whole=not wish.quick)
    known = None
    one = wish.page is not None or wish.frame is not None
    if wish.pages or one:
        known = describe.belonging(access, timeline, anatomy)
    found: Found | None = None
    if one:
        place = _place(anatomy, wish)
        found = describe.open_page(access, anatomy, place, known)
    return _Shown(anatomy, known, found)


def _place(anatomy: Anatomy, wish: Wish) -> int:
    """Return which page image is meant; raise `NotFoundError`."""
    from sqlite_recovery_tui.anatomy.describe import place_of_page
    from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy

    if wish.frame is None:
        return place_of_page(anatomy, wish.page or 0)
    count = len(anatomy.frames) if isinstance(anatomy, SegmentAnatomy) else 0
    if wish.frame >= count:
        raise NotFoundError(
            f"there is no frame {wish.frame:,} in {anatomy.item.key}",
            hint=f"it has {count:,}, counted from 0" if count else "only WAL segments have frames",
        )
    return wish.frame


@dataclass(frozen=True)
class _Shown:
    """What was seen, kept until the progress line is gone."""

    anatomy: Anatomy
    known: Belonging | None
    found: Found | None

    def tell(self, session: Session, state: ReplicaState, wish: Wish) -> int:
        """Print it, and return the exit code."""
        from sqlite_recovery_tui.cli import anatomy as words

        out = session.out
        if self.found is not None and self.known is not None:
            out.facts(words.page_facts(self.found, self.known))
            self._tell_content(session, self.found, wish)
        else:
            out.marked("bold", *words.title(self.anatomy))
            out.facts(words.facts(self.anatomy))
            for table, most in self._tables(wish):
                _print(session, table, most)
        session.document(self._document(state, wish) if out.as_json else {})
        return DamagedError.code if self.anatomy.proof.fails else 0

    def _tell_content(self, session: Session, found: Found, wish: Wish) -> None:
        from sqlite_recovery_tui.anatomy.hexdump import hexdump
        from sqlite_recovery_tui.cli import anatomy as words

        if found.page.cells:
            _print(session, words.cells(found), None if wish.hex else _SHOWN_ROWS)
        if wish.hex:
            session.out.line()
            session.out.lines(hexdump(found.page.image, digits=5))

    def _tables(self, wish: Wish) -> list[tuple[Table, int | None]]:
        """Return the tables that were asked for, or what says most; each with how many rows are shown."""
        from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
        from sqlite_recovery_tui.cli import anatomy as words

        found: list[tuple[Table, int | None]] = []
        if wish.frames and isinstance(self.anatomy, SegmentAnatomy):
            found.append((words.frames(self.anatomy), None))
        if wish.pages:
            found.append((words.pages(self.anatomy, self.known), None))
        if not found and isinstance(self.anatomy, SegmentAnatomy):
            found.append((words.transactions(self.anatomy), _SHOWN_ROWS))
        return found

    def _document(self, state: ReplicaState, wish: Wish) -> dict[str, Any]:
        from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
        from sqlite_recovery_tui.cli import anatomy as words
        from sqlite_recovery_tui.cli.listing import identity

        document = {**identity(state.ref), **self.anatomy.to_json()}
        if isinstance(self.anatomy, SegmentAnatomy):
            document["transaction_list"] = words.rows_as_members(words.transactions(self.anatomy))
            if wish.frames:
                document["frame_list"] = words.rows_as_members(words.frames(self.anatomy))
        if wish.pages:
            document["page_list"] = words.rows_as_members(words.pages(self.anatomy, self.known))
        if self.found is not None and self.known is not None:
            document["page"] = words.page_members(self.found, self.known, with_bytes=wish.hex)
        return document


def _print(session: Session, table: Table, most: int | None) -> None:
    """Print a table, at most so many rows of it, and say how many are left out."""
    heads, rows = table
    listed = list(islice(rows, most))
    rest = sum(1 for _ in rows)
    session.out.line()
    session.out.table(heads, listed)
    if rest:
        session.out.line(f"and {rest:,} more; --json has them all")
