"""Which state the options of a command name: at most one of a time, a position and a TXID."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from sqlite_recovery_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_recovery_tui.cli.session import Session
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.restore.target import Target

_TXID = re.compile(r"(?:0x)?([0-9a-f]{1,16})", re.A | re.I)
_TXID_DIGITS = 16


class Named(Protocol):
    """The options that name a state."""

    @property
    def timestamp(self) -> str | None:
        """A time, as it was typed."""
        ...

    @property
    def generation(self) -> str | None:
        """A generation's id."""
        ...

    @property
    def index(self) -> int | None:
        """Number of a WAL."""
        ...

    @property
    def offset(self) -> int | None:
        """A byte of it."""
        ...

    @property
    def txid(self) -> str | None:
        """A TXID, as it was typed."""
        ...


def target_of(session: Session, wish: Named) -> Target:
    """Return what the command line asks for; raise `UsageError` when it asks for two things."""
    from sqlite_recovery_tui.restore.target import AtPosition, AtTxid, Latest, parse_time

    _refuse_contradictions(wish)
    if wish.timestamp is not None:
        return parse_time(wish.timestamp, now=session.clock.now())
    if wish.index is not None:
        return AtPosition(wish.index, wish.offset, wish.generation)
    if wish.txid is not None:
        return AtTxid(_txid(session, wish.txid))
    return Latest()


def scan_for(session: Session, refs: Sequence[ReplicaRef], requested: Target) -> list[ReplicaState]:
    """List replicas; for a time with what may belong to it dated by its writer."""
    from sqlite_recovery_tui.cli.listing import scan_all
    from sqlite_recovery_tui.restore.target import AtTime

    return scan_all(session, refs, exact_at=requested.time if isinstance(requested, AtTime) else None)


def _refuse_contradictions(wish: Named) -> None:
    named = {"-timestamp": wish.timestamp, "-index": wish.index, "-txid": wish.txid}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude one another", hint="give one of them")
    if wish.offset is not None and wish.index is None:
        raise UsageError("-offset needs -index", hint="an offset is a byte of one WAL")
    if wish.txid is not None and wish.generation is not None:
        raise UsageError(
            "-txid and -generation exclude one another: LTX files know no generations",
            hint="leave -generation out, or name a position in it with -index",
        )


def _txid(session: Session, text: str) -> int:
    """Read a TXID: 16 hexadecimal digits as Litestream wants them, or fewer where the first are zeros."""
    match = _TXID.fullmatch(text)
    txid = int(match[1], 16) if match else 0
    if match is None or txid == 0:
        raise UsageError(
            f"{text!r} is not a TXID",
            hint="a TXID is up to 16 hexadecimal digits, from 1 on, as `sqlrecover ltx` lists them",
        )
    if len(match[1]) < _TXID_DIGITS and match[1].isdecimal() and txid > 9:
        session.err.note(f"TXIDs are hexadecimal: {text} is TXID {txid:016x}, in decimal {txid:,}")
    return txid
