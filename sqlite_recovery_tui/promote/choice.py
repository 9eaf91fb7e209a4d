"""Which way a database is replaced: decided by the facts, and said in a sentence.

Online: one transaction into the live file; applications go on. Swap: the new file gets the old one's name.
Inject: a complete log beside a file that nobody can open, which the next opener takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlite_recovery_tui.errors import RefusedError, UsageError
from sqlite_recovery_tui.promote.facts import Holder, Incoming, Live

Mode = Literal["online", "swap", "inject"]
MODES: tuple[Mode, ...] = ("online", "swap", "inject")


@dataclass(frozen=True, slots=True)
class Choice:
    """The mode, and why it is this one."""

    mode: Mode
    why: str
    warnings: tuple[str, ...] = ()


def choose(live: Live, new: Incoming, wanted: Mode | None = None) -> Choice:
    """Return the mode for these facts; raise `RefusedError` where `wanted`, or any, is impossible."""
    if live.state == "locked":
        raise RefusedError(
            f"{live.beside.real} is locked and cannot even be read: {live.problem}",
            object=str(live.beside.real),
            hint=_stop(
                live.applications, "an application with PRAGMA locking_mode=EXCLUSIVE has to be stopped"
            ),
        )
    if live.left:
        raise RefusedError(
            f"{live.left[0]} is left of a database that is gone, and SQLite would delete it",
            object=str(live.left[0]),
            hint="move it away first: it may hold the only copy of the last commits",
        )
    against = _against_online(live, new)
    if wanted is None:
        return _proposed(live, against)
    if wanted == "online" and against:
        raise RefusedError(
            f"online is not possible: {against}", object=str(live.beside.real), hint="leave --mode out"
        )
    if wanted == "swap" and live.links > 1:
        raise RefusedError(
            f"{live.beside.real} has {live.links} hard links; the others would keep the old content",
            object=str(live.beside.real),
            hint="use --mode online, or remove the other names (find -samefile)",
        )
    if wanted == "inject" and not live.exists:
        raise RefusedError(
            f"{live.beside.real} has no content, and SQLite ignores a log beside an empty file",
            object=str(live.beside.real),
            hint="use --mode online",
        )
    return Choice(wanted, "as asked for", _warnings(live, wanted))


def _proposed(live: Live, against: str) -> Choice:
    if not live.exists:
        return Choice("online", "nothing is there: the file is filled in one transaction")
    if live.state == "unreadable":
        why = f"it cannot be opened ({live.problem}): a complete log takes it over in one step"
        return Choice("inject", why, _warnings(live, "inject"))
    if against:
        return Choice("swap", against, _warnings(live, "swap"))
    why = "one transaction: applications go on, readers see all of the old state or all of the new one"
    return Choice("online", why, _warnings(live, "online"))


def _against_online(live: Live, new: Incoming) -> str:
    """Return why the new content cannot go in as a transaction; empty when it can."""
    if live.state == "unreadable":
        return f"SQLite cannot open the database: {live.problem}"
    if not live.exists:
        return ""
    if live.encoding != new.encoding:
        return (
            f"the text encoding changes from {live.encoding} to {new.encoding}, "
            "which would break every open connection"
        )
    if live.is_wal and live.page_size != new.page_size:
        return (
            f"the page size changes from {live.page_size} to {new.page_size}, "
            "which a database with a write-ahead log does not allow"
        )
    return ""


def _warnings(live: Live, mode: Mode) -> tuple[str, ...]:
    found = []
    if live.links > 1 and mode != "swap":
        found.append(f"the file has {live.links} hard links: all of them show the new content")
    if live.applications and mode != "online":
        found.append(f"it is open in {names(live.applications)}: that has to be stopped first")
    return tuple(found)


def daemon_words(live: Live, mode: Mode) -> str:
    """Return what becomes of our daemon in a promote, "" where none has the database open."""
    if live.daemon is None:
        return ""
    does = (
        "it stays, and ships the promote as one commit"
        if mode == "online" or not live.exists
        else "it is told, lets go of the file meanwhile, and begins a new generation at once"
    )
    return f"{live.daemon} replicates it: {does}"


def names(holders: tuple[Holder, ...]) -> str:
    """Return the holders as a list in words."""
    return ", ".join(map(str, holders))


def _stop(holders: tuple[Holder, ...], otherwise: str) -> str:
    return f"stop {names(holders)}" if holders else otherwise


def mode_of(text: str | None) -> Mode | None:
    """Return the mode named by `text`, None for "auto"; raise `UsageError`."""
    if text in (None, "", "auto"):
        return None
    for mode in MODES:
        if mode == text:
            return mode
    raise UsageError(f"there is no mode {text!r}", hint="online, swap, inject or auto")
